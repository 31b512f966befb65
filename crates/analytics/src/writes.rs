//! What the worker writes to the store: steps of builds and what they wrote.
//!
//! Not for collecting rows into batches, nor for repeating a write that failed: crate `build-log`.

use clickhouse::{Row, RowOwned, RowWrite};
use serde::Serialize;

use crate::{Analytics, AnalyticsError, call};

/// A step of a build that has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Row, Serialize)]
pub struct BuildStepRow {
    /// Digest, `sha256:…`.
    pub step_id: String,
    /// Epoch milliseconds.
    pub started_at: i64,
    /// Epoch milliseconds.
    pub completed_at: i64,
    /// `ws_…`.
    pub workspace_id: String,
    /// `proj_…`.
    pub project_id: String,
    /// `d_…`.
    pub deployment_id: String,
    /// As the builder shows it.
    pub name: String,
    /// Nothing was done: the result was there.
    pub cached: bool,
    /// Why it failed; empty otherwise.
    pub error: String,
    /// It had written something when it ended.
    pub has_logs: bool,
}

/// Something a step wrote: a line, several, or a part of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Row, Serialize)]
pub struct BuildLogRow {
    /// Epoch milliseconds.
    pub time: i64,
    /// `ws_…`.
    pub workspace_id: String,
    /// `proj_…`.
    pub project_id: String,
    /// `d_…`.
    pub deployment_id: String,
    /// → [`BuildStepRow::step_id`].
    pub step_id: String,
    /// Raw text.
    pub message: String,
}

impl Analytics {
    /// Writes steps, all or none. A second write with the same `token` changes nothing, so one whose answer was lost may be
    /// repeated.
    ///
    /// # Errors
    /// Any [`AnalyticsError`]. Where it is no refusal, the rows may be there all the same.
    pub async fn write_build_steps(
        &self,
        rows: &[BuildStepRow],
        token: &str,
    ) -> Result<(), AnalyticsError> {
        self.write("write_build_steps", "build_steps_v1", rows, token)
            .await
    }

    /// The same for what steps wrote, in this order.
    ///
    /// # Errors
    /// As [`Analytics::write_build_steps`].
    pub async fn write_build_lines(
        &self,
        rows: &[BuildLogRow],
        token: &str,
    ) -> Result<(), AnalyticsError> {
        self.write("write_build_lines", "build_step_logs_v1", rows, token)
            .await
    }

    async fn write<T>(
        &self,
        operation: &'static str,
        table: &str,
        rows: &[T],
        token: &str,
    ) -> Result<(), AnalyticsError>
    where
        T: RowOwned + RowWrite,
        for<'a> T: Row<Value<'a> = T>,
    {
        let failed = |error| AnalyticsError::of(operation, error, "");
        let written = async {
            let insert = self.client.insert::<T>(table).await.map_err(failed)?;
            // the server collects small inserts of many workers; the answer comes when they are on disk
            let mut insert = insert
                .with_setting("async_insert", "1")
                .with_setting("wait_for_async_insert", "1")
                .with_setting("async_insert_deduplicate", "1")
                .with_setting("insert_deduplication_token", token);
            for row in rows {
                insert.write(row).await.map_err(failed)?;
            }
            insert.end().await.map_err(failed)
        };
        call::measured(operation, self.bounds(), written).await
    }
}
