//! What a build left in the store: the steps that ended, and the lines they wrote. Read by those who show it to people.
//!
//! Not for writing them: that is done beside the build.

use clickhouse::Row;
use serde::Deserialize;

use crate::{Analytics, AnalyticsError, call};

/// The most steps of a deployment that are read in one answer; a long Dockerfile has a hundred.
const MOST_STEPS: usize = 100_000;

/// Whose build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildOf<'a> {
    /// `ws_…`.
    pub workspace_id: &'a str,
    /// `proj_…`.
    pub project_id: &'a str,
    /// `d_…`.
    pub deployment_id: &'a str,
}

/// A step of a build that ended.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct BuildStep {
    /// Digest, `sha256:…`.
    pub step_id: String,
    /// Epoch milliseconds; long before 1970 where the builder told none.
    pub started_at: i64,
    /// Epoch milliseconds.
    pub completed_at: i64,
    /// As the builder shows it, `[2/3] RUN make`.
    pub name: String,
    /// Nothing was done: the result was there.
    pub cached: bool,
    /// Why it failed; empty otherwise.
    pub error: String,
}

/// Something a step wrote, as it arrived: a line, several, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct BuildLine {
    /// Epoch milliseconds.
    pub time: i64,
    /// → [`BuildStep::step_id`].
    pub step_id: String,
    /// Raw text.
    pub message: String,
}

impl Analytics {
    /// The steps that ended at `since_ms` or later, by the time they ended.
    ///
    /// # Errors
    /// Any [`AnalyticsError`].
    pub async fn build_steps(
        &self,
        of: BuildOf<'_>,
        since_ms: i64,
    ) -> Result<Vec<BuildStep>, AnalyticsError> {
        const SQL: &str = "SELECT step_id, started_at, completed_at, name, cached, error FROM build_steps_v1
            WHERE workspace_id = {workspace:String} AND project_id = {project:String} AND deployment_id = {deployment:String}
            AND completed_at >= {since:Int64} ORDER BY completed_at, started_at, step_id";
        let query = self.of_build(SQL, of, since_ms);
        let operation = "build_steps";
        call::measured(
            operation,
            self.bounds(),
            call::rows(operation, query, MOST_STEPS),
        )
        .await
    }

    /// Hands over the lines written at `since_ms` or later, one by one, in the order of their times and within a
    /// millisecond in that of their arrival. A failure may come after some were handed over.
    ///
    /// # Errors
    /// Any [`AnalyticsError`].
    pub async fn build_lines(
        &self,
        of: BuildOf<'_>,
        since_ms: i64,
        mut each: impl FnMut(BuildLine),
    ) -> Result<(), AnalyticsError> {
        // parts are named all_<first block>_<last>_<level>, and merges keep the order of the blocks
        const SQL: &str = "SELECT time, step_id, message FROM build_step_logs_v1
            WHERE workspace_id = {workspace:String} AND project_id = {project:String} AND deployment_id = {deployment:String}
            AND time >= {since:Int64}
            ORDER BY time, toUInt64OrZero(splitByChar('_', _part)[2]), _part_offset";
        let operation = "build_lines";
        let failed = |error| AnalyticsError::of(operation, error, "");
        let query = self.of_build(SQL, of, since_ms);
        let handed = async {
            let mut cursor = query.fetch::<BuildLine>().map_err(failed)?;
            while let Some(line) = cursor.next().await.map_err(failed)? {
                each(line);
            }
            Ok(())
        };
        call::measured(operation, self.bounds(), handed).await
    }

    fn of_build(&self, sql: &str, of: BuildOf<'_>, since_ms: i64) -> clickhouse::query::Query {
        self.client
            .query(sql)
            .param("workspace", of.workspace_id)
            .param("project", of.project_id)
            .param("deployment", of.deployment_id)
            .param("since", since_ms)
    }
}
