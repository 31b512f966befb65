//! What the worker asks the analytics store: usage by workspace, last use of keys, requests of a deployment.
//!
//! Tables are those of the database the address names. Not for deciding anything about the numbers.

use clickhouse::Row;
use request_counts::{CountError, CountFuture, CountQuery, RequestCounts};
use serde::Deserialize;

use crate::{Analytics, AnalyticsError, call};

/// The most workspaces with billable usage that are read in one answer.
const MOST_WORKSPACES: usize = 1_000_000;

/// What a workspace used in a month.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct Usage {
    /// `ws_…`.
    pub workspace_id: String,
    /// Verifications and rate limit checks that count.
    pub total: i64,
}

/// When a key was last used.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct LastUsed {
    /// `key_…`.
    pub key_id: String,
    /// Epoch milliseconds.
    pub last_used: i64,
}

/// One page of keys in the order of their last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastUsedPage<'a> {
    /// Only keys used later than this, epoch milliseconds…
    pub after_time: i64,
    /// …or at that very instant, with an id behind this one.
    pub after_key: &'a str,
    /// Keys are divided by the hash of their id into so many parts…
    pub partitions: u64,
    /// …of which this one is asked for, counted from 0.
    pub partition: u64,
    /// Most rows of the page.
    pub limit: u64,
}

impl Analytics {
    /// Workspaces that used at least `minimum` in the month, in the order of their ids.
    ///
    /// # Errors
    /// Any [`AnalyticsError`].
    pub async fn usage(
        &self,
        year: i32,
        month: i32,
        minimum: i64,
    ) -> Result<Vec<Usage>, AnalyticsError> {
        const SQL: &str = "SELECT workspace_id, toInt64(sum(count)) AS total FROM (
              SELECT workspace_id, count FROM billable_verifications_per_month_v2 WHERE year = {year:Int32} AND month = {month:Int32}
              UNION ALL
              SELECT workspace_id, count FROM billable_ratelimits_per_month_v2 WHERE year = {year:Int32} AND month = {month:Int32}
            ) GROUP BY workspace_id HAVING total >= {minimum:Int64} ORDER BY workspace_id";
        let query = self
            .client
            .query(SQL)
            .param("year", year)
            .param("month", month)
            .param("minimum", minimum);
        let operation = "usage";
        call::measured(
            operation,
            self.bounds(),
            call::rows(operation, query, MOST_WORKSPACES),
        )
        .await
    }

    /// The page.
    ///
    /// # Errors
    /// Any [`AnalyticsError`].
    pub async fn last_used(&self, page: LastUsedPage<'_>) -> Result<Vec<LastUsed>, AnalyticsError> {
        const SQL: &str = "SELECT key_id, toInt64(max(time)) AS last_used FROM key_last_used_v1
            WHERE time >= {after_time:Int64} AND cityHash64(key_id) % {partitions:UInt64} = {partition:UInt64}
            GROUP BY key_id
            HAVING last_used > {after_time:Int64} OR (last_used = {after_time:Int64} AND key_id > {after_key:String})
            ORDER BY last_used, key_id LIMIT {limit:UInt64}";
        let query = self
            .client
            .query(SQL)
            .param("after_time", page.after_time)
            .param("after_key", page.after_key)
            .param("partitions", page.partitions)
            .param("partition", page.partition)
            .param("limit", page.limit);
        let most = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let operation = "last_used";
        call::measured(operation, self.bounds(), call::rows(operation, query, most)).await
    }

    async fn requests(&self, query: CountQuery<'_>) -> Result<u64, AnalyticsError> {
        const SQL: &str = "SELECT count() FROM sentinel_requests_raw_v1
            WHERE workspace_id = {workspace:String} AND project_id = {project:String} AND environment_id = {environment:String}
            AND deployment_id = {deployment:String} AND time >= {since:Int64}";
        let operation = "requests";
        let asked = self
            .client
            .query(SQL)
            .param("workspace", query.workspace_id)
            .param("project", query.project_id)
            .param("environment", query.environment_id)
            .param("deployment", query.deployment_id)
            .param("since", query.since_ms)
            .fetch_one::<u64>();
        let counted = async {
            asked
                .await
                .map_err(|e| AnalyticsError::of(operation, e, ""))
        };
        call::measured(operation, self.bounds(), counted).await
    }
}

impl RequestCounts for Analytics {
    fn count<'a>(&'a self, query: CountQuery<'a>) -> CountFuture<'a> {
        Box::pin(async move {
            self.requests(query)
                .await
                .map_err(|error| CountError::Unavailable(Box::new(error)))
        })
    }
}
