//! What a backend has to do: one ACME exchange per function, plain data in and out.
//!
//! Not here: repetitions, deadlines and metrics, which `call` adds to every backend alike.

use async_trait::async_trait;

use crate::{
    AccountKey, Authorization, ChallengeKind, Directory, KeyKind, NewOrder, Order, Problem,
    RenewalInfo,
};

/// Who asks.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) key: AccountKey,
    pub(crate) url: String,
}

/// One way to speak ACME. See [`crate::Account`] for what each function promises.
#[async_trait]
pub(crate) trait Backend: Send + Sync {
    fn name(&self) -> &'static str;
    fn key_kind(&self) -> KeyKind;
    async fn directory(&self) -> Result<Directory, Problem>;
    /// The account's URL.
    async fn register(&self, key: &AccountKey, create: bool) -> Result<String, Problem>;
    async fn new_order(&self, who: &Identity, order: &NewOrder) -> Result<Order, Problem>;
    async fn order(&self, who: &Identity, url: &str) -> Result<Order, Problem>;
    async fn authorizations(
        &self,
        who: &Identity,
        order_url: &str,
    ) -> Result<Vec<Authorization>, Problem>;
    async fn set_ready(
        &self,
        who: &Identity,
        order_url: &str,
        kind: ChallengeKind,
    ) -> Result<(), Problem>;
    async fn finalize(&self, who: &Identity, order_url: &str, csr: &[u8])
    -> Result<Order, Problem>;
    async fn certificate(&self, who: &Identity, order_url: &str) -> Result<String, Problem>;
    async fn renewal_info(&self, certificate_id: &str) -> Result<RenewalInfo, Problem>;
}
