//! The one transaction of a transition: quota, guard, desired state and every topology row with a new version.
//!
//! One transaction, because the guard holds only while the app row is locked: whoever makes a deployment current locks
//! the same row.

use crate::target::Target;
use durable::Stop;
use mysql::entity::deployments::DesiredState;
use mysql::entity::{apps, deployment_topology, deployments};
use mysql::quota::{self, Exceeded, Resources};
use mysql::{Db, DbError, Lock, Tx, counter};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a transition ended; journaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// Rows were written.
    Changed,
    /// Everything was as wanted: nothing written, no version used.
    Unchanged,
    /// The deployment or its app is gone.
    Missing,
    /// The deployment serves production and the change would stop it; nothing written.
    Current,
    /// Running, it would take the workspace over its quota: wanted and allowed millicores. Nothing written.
    OverCpu(i64, i64),
    /// The same, in MiB.
    OverMemory(i64, i64),
    /// The workspace has no quota at all; nothing written.
    NoQuota,
}

/// Carries out a transition. Repeating it changes nothing and gives [`Outcome::Unchanged`].
pub(crate) async fn transition(
    db: &Db,
    deployment_id: &str,
    target: Target,
) -> Result<Outcome, Stop> {
    Ok(mysql::retry(|| once(db, deployment_id, target)).await?)
}

async fn once(db: &Db, deployment_id: &str, target: Target) -> Result<Outcome, DbError> {
    // Outside the transaction, whose first plain read must come after its locks: it fixes what the others see. A
    // deployment never changes its app.
    let Some(deployment) = deployments::Entity::by_id(deployment_id)
        .one(db.primary())
        .await?
    else {
        return Ok(Outcome::Missing);
    };
    // What is to run takes from the quota, as a new deployment does. What is to sleep only gives back.
    let wakes = target.state == DesiredState::Running;
    let _turn = match wakes {
        true => Some(quota::turn(db, &deployment.workspace_id).await),
        false => None,
    };
    let tx = db.begin().await?;
    let quota = match wakes {
        true => quota::lock(&tx, &deployment.workspace_id).await?,
        false => None,
    };
    tx.touch(Lock::Apps);
    let Some(app) = apps::Entity::by_id(&deployment.app_id)
        .lock_exclusive()
        .one(&tx)
        .await?
    else {
        return Ok(Outcome::Missing);
    };
    if is_guarded(
        app.current_deployment_id.as_deref(),
        deployment_id,
        target.state,
    ) {
        return Ok(Outcome::Current);
    }
    tx.touch(Lock::Deployments);
    let Some(deployment) = deployments::Entity::by_id(deployment_id)
        .lock_exclusive()
        .one(&tx)
        .await?
    else {
        return Ok(Outcome::Missing);
    };
    let rows = deployment_topology::Entity::find()
        .filter(deployment_topology::Column::DeploymentId.eq(deployment_id))
        .filter(deployment_topology::Column::DesiredStatus.ne(target.status))
        .order_by_asc(deployment_topology::Column::RegionId)
        .all(&tx)
        .await?;
    let same_state = deployment.desired_state == target.state;
    if same_state && rows.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    if wakes && let Some(refused) = room(&tx, &deployment, &rows, quota).await? {
        return Ok(refused);
    }
    let now = mysql::now_ms();
    if !same_state {
        let sql = "UPDATE deployments SET desired_state = ?, updated_at = ? WHERE id = ?";
        execute(
            &tx,
            sql,
            [
                target.state.as_str().into(),
                now.into(),
                deployment_id.into(),
            ],
        )
        .await?;
    }
    move_rows(&tx, &rows, target, now).await?;
    tx.commit().await?;
    Ok(Outcome::Changed)
}

/// Whether the workspace has room for these rows beside those that run; the refusal where it has not.
async fn room(
    tx: &Tx,
    deployment: &deployments::Model,
    rows: &[deployment_topology::Model],
    quota: Option<Resources>,
) -> Result<Option<Outcome>, DbError> {
    if rows.is_empty() {
        return Ok(None);
    }
    let Some(quota) = quota else {
        return Ok(Some(Outcome::NoQuota));
    };
    let each = Resources {
        cpu: deployment.cpu_millicores.into(),
        memory: deployment.memory_mib.into(),
    };
    let replicas = rows
        .iter()
        .map(|row| i64::from(row.autoscaling_replicas_max));
    let more = each.times(replicas.sum());
    // These rows do not run and the deployment's others do: none is left out of the sum.
    let allocated = quota::allocated(tx, &deployment.workspace_id, "").await?;
    Ok(match quota::fits(allocated, more, quota) {
        Ok(()) => None,
        Err(Exceeded::Cpu(want, have)) => Some(Outcome::OverCpu(want, have)),
        Err(Exceeded::Memory(want, have)) => Some(Outcome::OverMemory(want, have)),
    })
}

/// Gives each row its new status and a version of its region. Row by row by primary key: a list would let the server
/// scan, and lock, rows of others while the table is small.
async fn move_rows(
    tx: &Tx,
    rows: &[deployment_topology::Model],
    target: Target,
    now: i64,
) -> Result<(), DbError> {
    tx.touch(Lock::DeploymentTopology);
    for row in rows {
        let sql = "UPDATE deployment_topology SET desired_status = ?, updated_at = ? WHERE pk = ?";
        execute(
            tx,
            sql,
            [target.status.as_str().into(), now.into(), row.pk.into()],
        )
        .await?;
    }
    // Drawn after the rows are locked, as everybody does, and held until the commit, so that versions become visible
    // in their order.
    let regions: BTreeSet<String> = rows.iter().map(|row| row.region_id.clone()).collect();
    let versions = counter::next_many(tx, &regions).await?;
    for row in rows {
        let version = versions.get(&row.region_id).copied().unwrap_or(row.version);
        execute(
            tx,
            "UPDATE deployment_topology SET version = ? WHERE pk = ?",
            [version.into(), row.pk.into()],
        )
        .await?;
    }
    Ok(())
}

async fn execute<const N: usize>(tx: &Tx, sql: &str, values: [Value; N]) -> Result<(), DbError> {
    tx.execute_raw(Statement::from_sql_and_values(
        DbBackend::MySql,
        sql,
        values,
    ))
    .await?;
    Ok(())
}

/// Whether the deployment is protected from this change: the one that serves production may only be (kept) running.
fn is_guarded(current: Option<&str>, deployment_id: &str, to: DesiredState) -> bool {
    to != DesiredState::Running && current == Some(deployment_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_deployment_may_only_run() {
        for (current, to, guarded) in [
            (Some("d_1"), DesiredState::Standby, true),
            (Some("d_1"), DesiredState::Archived, true),
            (Some("d_1"), DesiredState::Running, false),
            (Some("d_2"), DesiredState::Standby, false),
            (None, DesiredState::Archived, false),
        ] {
            assert_eq!(is_guarded(current, "d_1", to), guarded, "{current:?} {to}");
        }
    }
}
