//! What a backend has to do: one request of the service per function, plain data in and out.
//!
//! Not here: repetitions, deadlines and metrics, which `call` adds to every backend alike, and quoting (`text`).

use async_trait::async_trait;

use crate::Route53Error;

/// The TXT set at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TxtSet {
    pub(crate) ttl: i64,
    /// As the service has them, quoted.
    pub(crate) values: Vec<String>,
}

/// A zone as the service lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedZone {
    pub(crate) id: String,
    pub(crate) public: bool,
}

/// One way to speak to Route53. Ids are bare; names are lower case without a dot at the end.
#[async_trait]
pub(crate) trait Backend: Send + Sync {
    fn name(&self) -> &'static str;
    /// The zones of exactly this name.
    async fn zones_named(&self, name: &str) -> Result<Vec<ListedZone>, Route53Error>;
    /// The name servers Route53 gave a zone.
    async fn name_servers(&self, zone: &str) -> Result<Vec<String>, Route53Error>;
    /// The TXT set at exactly this name.
    async fn txt(&self, zone: &str, name: &str) -> Result<Option<TxtSet>, Route53Error>;
    /// Removes exactly `old` and creates `new`, together or not at all. The change's id.
    async fn swap(
        &self,
        zone: &str,
        name: &str,
        old: Option<&TxtSet>,
        new: Option<&TxtSet>,
    ) -> Result<String, Route53Error>;
    /// Whether a change is `INSYNC`.
    async fn in_sync(&self, change: &str) -> Result<bool, Route53Error>;
}

/// What the backends answer for a set with a routing policy, which has values per rule.
pub(crate) fn routing_policy(name: &str) -> Route53Error {
    Route53Error::ours(
        crate::Operation::Read,
        crate::Class::BadRequest,
        format!("the TXT records at {name} have a routing policy; remove them or use another name"),
    )
}
