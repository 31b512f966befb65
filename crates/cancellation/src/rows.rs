//! A deployment as the decision needs it, with its run.

use durable::Stop;
use mysql::{Db, sql};
use sea_orm::FromQueryResult;

/// What of `deployments` and `ctrl_worker_runs` decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Row {
    pub(crate) pk: u64,
    pub(crate) id: String,
    pub(crate) app_id: String,
    pub(crate) environment_id: String,
    pub(crate) git_branch: Option<String>,
    pub(crate) fork: Option<String>,
    pub(crate) status: String,
    pub(crate) created_at: i64,
    /// None without a run.
    pub(crate) invocation_id: Option<String>,
    pub(crate) ended_at: Option<i64>,
}

impl Row {
    /// The invocation that works on it.
    pub(crate) fn invocation(&self) -> Option<&str> {
        let id = self.invocation_id.as_deref()?;
        (self.ended_at.is_none() && !id.is_empty()).then_some(id)
    }
}

/// The deployment on the primary, without a lock.
pub(crate) async fn find(db: &Db, id: &str) -> Result<Option<Row>, Stop> {
    let row: Option<Row> = sql::one(
        db.primary(),
        "SELECT d.pk, d.id, d.app_id, d.environment_id, d.git_branch, d.fork_repository_full_name AS fork,
                CAST(d.status AS CHAR) AS status, d.created_at, r.invocation_id, r.ended_at
         FROM deployments d LEFT JOIN ctrl_worker_runs r ON r.deployment_id = d.id WHERE d.id = ?",
        [id.into()],
    )
    .await?;
    // The collation ignores case; an id that differs in case is another id.
    Ok(row.filter(|row| row.id == id))
}
