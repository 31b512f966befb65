//! The analytics store, ClickHouse, over its HTTP interface: what the worker reads and writes there, and the
//! administrator's connection by which it manages users.
//!
//! Not here: anything of Restate, decisions about the numbers, and retries (a durable step repeats itself).

mod address;
mod admin;
mod bounded;
mod builds;
mod call;
mod connect;
mod error;
mod reads;
mod writes;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use address::{Address, AddressError};
pub use admin::Admin;
pub use builds::{BuildLine, BuildOf, BuildStep};
pub use error::{AnalyticsError, Class};
pub use reads::{LastUsed, LastUsedPage, Usage};
pub use writes::{BuildLogRow, BuildStepRow};

use zeroize::Zeroizing;

/// Time of one question, connecting included.
const LIMIT: Duration = Duration::from_secs(60);

/// A reader of the store. Clones share connections; nothing connects before the first question.
#[derive(Clone)]
pub struct Analytics {
    client: clickhouse::Client,
    limit: Duration,
    password: Arc<Zeroizing<String>>,
}

impl Analytics {
    /// At this address.
    ///
    /// # Errors
    /// [`AnalyticsError::Settings`].
    pub fn new(address: &Address) -> Result<Self, AnalyticsError> {
        Ok(Self {
            client: connect::client(address)?,
            limit: LIMIT,
            password: Arc::new(address.password.clone()),
        })
    }

    /// With another time limit of each question.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// What bounds a question: its time, and what no error may repeat.
    fn bounds(&self) -> (Duration, &str) {
        (self.limit, &self.password)
    }

    /// Asks whether the server answers this login at all.
    ///
    /// # Errors
    /// Any [`AnalyticsError`].
    pub async fn ping(&self) -> Result<(), AnalyticsError> {
        let operation = "ping";
        let query = self.client.query("SELECT 1");
        let done = async {
            query
                .execute()
                .await
                .map_err(|e| AnalyticsError::of(operation, e, ""))
        };
        call::measured(operation, self.bounds(), done).await
    }
}

impl fmt::Debug for Analytics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analytics").finish_non_exhaustive()
    }
}
