//! The administrator's connection, which runs statements about users.
//!
//! Not for the statements themselves, nor for their order: those belong to the service that provisions users.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::{Address, AnalyticsError, call, connect};

const LIMIT: Duration = Duration::from_secs(30);

/// An administrator of a ClickHouse server. Clones share connections; nothing connects before the first statement.
#[derive(Clone)]
pub struct Admin {
    client: clickhouse::Client,
    user: String,
    password: Arc<Zeroizing<String>>,
}

impl Admin {
    /// At this address.
    ///
    /// # Errors
    /// [`AnalyticsError::Settings`].
    pub fn new(address: &Address) -> Result<Self, AnalyticsError> {
        Ok(Self {
            client: connect::client(address)?,
            user: address.user().to_owned(),
            password: Arc::new(address.password.clone()),
        })
    }

    /// The name it logs in with.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Runs a statement. `operation` is a constant word for metrics and errors.
    ///
    /// # Errors
    /// Any [`AnalyticsError`].
    pub async fn execute(&self, operation: &'static str, sql: &str) -> Result<(), AnalyticsError> {
        let query = self.client.query_raw(sql);
        let done = async {
            query
                .execute()
                .await
                .map_err(|e| AnalyticsError::of(operation, e, ""))
        };
        call::measured(operation, (LIMIT, &self.password), done).await
    }

    /// Runs a statement that names `{password:String}`. The password goes beside the statement, never into its text.
    ///
    /// # Errors
    /// Any [`AnalyticsError`]; none repeats the password.
    pub async fn execute_with_password(
        &self,
        operation: &'static str,
        sql: &str,
        password: &str,
    ) -> Result<(), AnalyticsError> {
        let query = self.client.query(sql).param("password", password);
        let done = async {
            query
                .execute()
                .await
                .map_err(|e| AnalyticsError::of(operation, e, password))
        };
        call::measured(operation, (LIMIT, &self.password), done).await
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
