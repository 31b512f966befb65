//! The stored document: one row per deployment, with an id derived from it.

use durable::Stop;
use mysql::{Db, now_ms, sql};

/// Stores or replaces the document of a deployment that still exists. A repetition writes the same again.
pub(crate) async fn keep(db: &Db, deployment_id: &str, content: &[u8]) -> Result<(), Stop> {
    let now = now_ms();
    let id = ids::derived(ids::Prefix::OPENAPI_SPEC, &[deployment_id]);
    // From the deployment's row, so that one that is being deleted gets no document any more.
    let written = mysql::retry(|| {
        sql::execute(
            db.primary(),
            "INSERT INTO openapi_specs (id, workspace_id, deployment_id, portal_config_id, content, created_at, updated_at)
             SELECT ?, d.workspace_id, d.id, NULL, ?, ?, ? FROM deployments d WHERE d.id = ?
             ON DUPLICATE KEY UPDATE content = VALUES(content), updated_at = VALUES(updated_at)",
            [
                id.as_str().into(),
                content.to_vec().into(),
                now.into(),
                now.into(),
                deployment_id.into(),
            ],
        )
    })
    .await?;
    if written == 0 {
        tracing::info!("the deployment is gone; its document was not stored");
    }
    Ok(())
}

/// Deletes the document of a deployment that serves none any more.
pub(crate) async fn clear(db: &Db, workspace_id: &str, deployment_id: &str) -> Result<(), Stop> {
    mysql::retry(|| {
        sql::execute(
            db.primary(),
            "DELETE t FROM openapi_specs t FORCE INDEX (workspace_deployment_idx) WHERE t.workspace_id = ? AND t.deployment_id = ?",
            [workspace_id.into(), deployment_id.into()],
        )
    })
    .await?;
    Ok(())
}
