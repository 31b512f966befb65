//! The last transaction: gateways the edge has let go of, whatever came back meanwhile, and the environment itself.

use crate::owner::Owner;
use crate::{settings, traffic};
use durable::Stop;
use mysql::{Db, DbError, Lock, now_ms, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use teardown::audit::{self, Deleted};
use teardown::{Timings, chunk};

/// Whether the environment is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    /// It is.
    Gone,
    /// Something still runs, for the log.
    Waits(String),
}

#[derive(FromQueryResult)]
struct Pk {
    pk: u64,
}

#[derive(FromQueryResult)]
struct Sentinel {
    pk: u64,
    desired_state: String,
    available_replicas: i32,
}

/// `archived_at`: when the last sentinel was archived, as far as this delete knows; 0 for long ago.
pub(crate) async fn delete(
    db: &Db,
    timings: &Timings,
    owner: &Owner,
    archived_at: i64,
) -> Result<End, Stop> {
    Ok(mysql::retry(|| once(db, timings, owner, archived_at)).await?)
}

async fn once(db: &Db, timings: &Timings, owner: &Owner, archived_at: i64) -> Result<End, DbError> {
    // Without a lock: the table has no index by environment. Those of its deployments went with them.
    let policies: Vec<Pk> = sql::all(
        db.primary(),
        "SELECT pk FROM cilium_network_policies WHERE environment_id = ? AND workspace_id = ? LIMIT 500",
        [owner.id.as_str().into(), owner.workspace_id.as_str().into()],
    )
    .await?;
    let tx = db.begin().await?;
    let app = traffic::lock(&tx, owner).await?;
    let open: Option<Pk> = sql::one(
        &*tx,
        "SELECT pk FROM deployments WHERE project_id = ? AND environment_id = ? LIMIT 1",
        [owner.project_id.as_str().into(), owner.id.as_str().into()],
    )
    .await?;
    if open.is_some() {
        return Ok(End::Waits("deployments that still run".to_owned()));
    }
    let sentinels: Vec<Sentinel> = sql::all(
        &*tx,
        "SELECT pk, CAST(desired_state AS CHAR) AS desired_state, available_replicas FROM sentinels WHERE environment_id = ? AND workspace_id = ?",
        [owner.id.as_str().into(), owner.workspace_id.as_str().into()],
    )
    .await?;
    let since = now_ms() - archived_at;
    if !sentinels.iter().all(|s| has_gone(timings, s, since)) {
        return Ok(End::Waits("sentinels that still run".to_owned()));
    }
    tx.touch(Lock::Sentinels);
    let pks = sentinels.iter().map(|s| s.pk.into()).collect();
    chunk::delete_by(&*tx, "sentinels", "PRIMARY", "pk", pks).await?;
    tx.touch(Lock::CiliumNetworkPolicies);
    let left = policies.len() == chunk::SIZE;
    let pks = policies.iter().map(|p| p.pk.into()).collect();
    chunk::delete_by(&*tx, "cilium_network_policies", "PRIMARY", "pk", pks).await?;
    if traffic::routes(&tx, owner).await? || left {
        tx.commit().await?;
        return Ok(End::Waits("rows that are left".to_owned()));
    }
    traffic::release(&tx, owner, &app).await?;
    settings::rest(&tx, owner).await?;
    let deleted = sql::execute(
        &*tx,
        "DELETE FROM environments WHERE id = ? AND app_id = ?",
        [owner.id.as_str().into(), owner.app_id.as_str().into()],
    )
    .await?;
    if deleted > 0 {
        let entry = Deleted {
            kind: "environment",
            id: &owner.id,
            name: &owner.slug,
            workspace_id: &owner.workspace_id,
        };
        audit::write(&tx, entry).await?;
    }
    tx.commit().await?;
    Ok(End::Gone)
}

/// Whether the edge has let go of a sentinel, `since` milliseconds after it was told to.
fn has_gone(timings: &Timings, sentinel: &Sentinel, since: i64) -> bool {
    let told = sentinel.desired_state == "archived" && since >= Timings::millis(timings.settle);
    told && (sentinel.available_replicas == 0 || since >= Timings::millis(timings.gone_after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentinel_stays_until_the_edge_has_let_go_of_it() {
        let t = Timings::default();
        let sentinel = |state: &str, available_replicas| Sentinel {
            pk: 1,
            desired_state: state.into(),
            available_replicas,
        };
        for (state, replicas, since, gone) in [
            ("running", 0, 1_000_000, false),
            ("archived", 0, 9_999, false),
            ("archived", 0, 10_000, true),
            ("archived", 1, 299_999, false),
            ("archived", 1, 300_000, true),
        ] {
            assert_eq!(
                has_gone(&t, &sentinel(state, replicas), since),
                gone,
                "{state} {replicas} {since}"
            );
        }
    }
}
