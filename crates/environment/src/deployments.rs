//! Deployments that the edge has let go of, with every row that names them: a chunk in one transaction, so that no row
//! is ever left behind without its deployment.
//!
//! A stopped workload's row is what tells an edge agent to stop. It stays until its instances are gone, or five
//! minutes, and in any case long enough for every agent to have seen it.

use crate::owner::Owner;
use crate::running::ENDED;
use crate::traffic;
use durable::Stop;
use mysql::{Db, DbError, Lock, now_ms, sql};
use sea_orm::{FromQueryResult, Value};
use teardown::{Timings, chunk};

#[derive(FromQueryResult)]
struct Row {
    pk: u64,
    id: String,
}

/// Tables with rows of a deployment, and the index that finds them.
const TABLES: [(&str, &str); 4] = [
    ("deployment_topology", "unique_region_per_deployment"),
    ("cilium_network_policies", "idx_deployment_region"),
    ("deployment_steps", "unique_step_per_deployment"),
    ("instances", "idx_deployment_id"),
];

/// Deletes a chunk of deployments; true while there are more that may go now.
pub(crate) async fn delete(db: &Db, timings: &Timings, owner: &Owner) -> Result<bool, Stop> {
    Ok(mysql::retry(|| some(db, timings, owner)).await?)
}

async fn some(db: &Db, timings: &Timings, owner: &Owner) -> Result<bool, DbError> {
    let tx = db.begin().await?;
    // Whoever starts a workload again holds the app, too; whoever deploys needs the status that is at its end here.
    traffic::lock(&tx, owner).await?;
    let now = now_ms();
    let sql = format!(
        "SELECT d.pk, d.id FROM deployments d WHERE d.project_id = ? AND d.environment_id = ? AND d.status IN ({ENDED})
         AND NOT EXISTS (SELECT 1 FROM deployment_topology t WHERE t.deployment_id = d.id
             AND (t.desired_status <> 'stopped'
                  OR COALESCE(t.updated_at, t.created_at) > ?
                  OR COALESCE(t.updated_at, t.created_at) > ? AND EXISTS (SELECT 1 FROM instances i WHERE i.deployment_id = d.id)))
         ORDER BY d.pk LIMIT {}",
        chunk::SIZE
    );
    let rows: Vec<Row> = sql::all(
        &*tx,
        &sql,
        [
            owner.project_id.as_str().into(),
            owner.id.as_str().into(),
            (now - Timings::millis(timings.settle)).into(),
            (now - Timings::millis(timings.gone_after)).into(),
        ],
    )
    .await?;
    if rows.is_empty() {
        return Ok(false);
    }
    let pks = || rows.iter().map(|row| row.pk.into()).collect::<Vec<Value>>();
    let ids = || {
        rows.iter()
            .map(|row| row.id.as_str().into())
            .collect::<Vec<Value>>()
    };
    tx.touch(Lock::Runs);
    chunk::delete_by(&*tx, "ctrl_worker_runs", "PRIMARY", "deployment_id", ids()).await?;
    tx.touch(Lock::Deployments);
    let lock = format!(
        "SELECT pk FROM deployments FORCE INDEX (PRIMARY) WHERE pk IN ({}) FOR UPDATE",
        sql::marks(rows.len())
    );
    sql::execute(&*tx, &lock, pks()).await?;
    for (table, index) in TABLES {
        match table {
            "deployment_topology" => tx.touch(Lock::DeploymentTopology),
            "cilium_network_policies" => tx.touch(Lock::CiliumNetworkPolicies),
            _ => {}
        }
        chunk::delete_by(&*tx, table, index, "deployment_id", ids()).await?;
    }
    specs(&tx, owner, ids()).await?;
    chunk::delete_by(
        &*tx,
        "ctrl_worker_waits",
        "ctrl_worker_waits_deployment_id_idx",
        "deployment_id",
        ids(),
    )
    .await?;
    sources(&tx, owner, ids()).await?;
    chunk::delete_by(&*tx, "deployments", "PRIMARY", "pk", pks()).await?;
    tx.commit().await?;
    Ok(rows.len() == chunk::SIZE)
}

/// The index of this table begins with the workspace.
async fn specs(tx: &mysql::Tx, owner: &Owner, ids: Vec<Value>) -> Result<(), DbError> {
    let sql = format!(
        "DELETE t FROM openapi_specs t FORCE INDEX (workspace_deployment_idx) WHERE t.workspace_id = ? AND t.deployment_id IN ({})",
        sql::marks(ids.len())
    );
    let values = [owner.workspace_id.as_str().into()].into_iter().chain(ids);
    sql::execute(&**tx, &sql, values).await.map(drop)
}

/// What they were rolled back from.
async fn sources(tx: &mysql::Tx, owner: &Owner, ids: Vec<Value>) -> Result<(), DbError> {
    let sql = format!(
        "DELETE t FROM ctrl_worker_rollback_sources t FORCE INDEX (PRIMARY) WHERE t.app_id = ? AND t.deployment_id IN ({})",
        sql::marks(ids.len())
    );
    let values = [owner.app_id.as_str().into()].into_iter().chain(ids);
    sql::execute(&**tx, &sql, values).await.map(drop)
}
