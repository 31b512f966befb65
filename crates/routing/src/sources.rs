//! The sources of an app's rollbacks: deployments that are not live and stay up all the same, until the rollback is
//! confirmed or left.

use crate::rows::Deployment;
use mysql::sql;
use mysql::{DbError, Tx};
use sea_orm::FromQueryResult;

#[derive(FromQueryResult)]
struct Source {
    id: String,
}

fn ids(rows: Vec<Source>) -> Vec<String> {
    rows.into_iter().map(|row| row.id).collect()
}

/// The sources on record.
pub(crate) async fn recorded(tx: &Tx, app_id: &str) -> Result<Vec<String>, DbError> {
    let sql = "SELECT deployment_id AS id FROM ctrl_worker_rollback_sources WHERE app_id = ?";
    Ok(ids(sql::all(tx, sql, [app_id.into()]).await?))
}

/// What must have been a source when the record is lost, or the rollback was made by the existing worker, which keeps
/// none: whatever is ready and running beside the target although no live or environment route leads to it.
pub(crate) async fn unrecorded(tx: &Tx, target: &Deployment) -> Result<Vec<String>, DbError> {
    let sql = "SELECT d.id FROM deployments d WHERE d.app_id = ? AND d.environment_id = ? AND d.id <> ? \
         AND d.status = 'ready' AND d.desired_state = 'running' AND NOT EXISTS (SELECT 1 FROM frontline_routes r \
         WHERE r.deployment_id = d.id AND r.sticky IN ('live', 'environment'))";
    let values =
        [&target.app_id, &target.environment_id, &target.id].map(|value| value.as_str().into());
    Ok(ids(sql::all(tx, sql, values).await?))
}

/// Records a source; an empty id is none.
pub(crate) async fn record(tx: &Tx, app_id: &str, source: &str, now: i64) -> Result<(), DbError> {
    if source.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO ctrl_worker_rollback_sources (app_id, deployment_id, created_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE created_at = VALUES(created_at)";
    sql::execute(tx, sql, [app_id.into(), source.into(), now.into()])
        .await
        .map(drop)
}

/// Deletes these records, one by one by their key.
pub(crate) async fn forget(tx: &Tx, app_id: &str, sources: &[String]) -> Result<(), DbError> {
    for source in sources {
        let sql = "DELETE FROM ctrl_worker_rollback_sources WHERE app_id = ? AND deployment_id = ?";
        sql::execute(tx, sql, [app_id.into(), source.into()]).await?;
    }
    Ok(())
}
