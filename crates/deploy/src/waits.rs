//! Who waits for instances: one row per waiting invocation, written before it waits and gone after.

use mysql::sql;
use mysql::{DbError, Tx};
use sea_orm::ConnectionTrait;

/// Records that `invocation` waits for `deployment_id` with this awakeable.
pub(crate) async fn arm(
    tx: &Tx,
    invocation: &str,
    deployment_id: &str,
    awakeable: &str,
    deadline: i64,
    now: i64,
) -> Result<(), DbError> {
    sql::execute(
        &**tx,
        "INSERT INTO ctrl_worker_waits (invocation_id, deployment_id, awakeable_id, deadline_at, created_at) VALUES (?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE awakeable_id = VALUES(awakeable_id), deadline_at = VALUES(deadline_at)",
        [invocation.into(), deployment_id.into(), awakeable.into(), deadline.into(), now.into()],
    )
    .await?;
    Ok(())
}

/// Forgets the wait of `invocation`.
pub(crate) async fn disarm(c: &impl ConnectionTrait, invocation: &str) -> Result<(), DbError> {
    sql::execute(
        c,
        "DELETE FROM ctrl_worker_waits WHERE invocation_id = ?",
        [invocation.into()],
    )
    .await?;
    Ok(())
}
