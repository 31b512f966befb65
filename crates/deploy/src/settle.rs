//! How a deployment ends badly: its topology stopped with new versions, its row failed with a reason. Shared by
//! the undo of Deploy and by the reconciler; both only touch what is still being worked on.

use crate::phase::{self, ACTIVE, Phase};
use durable::Stop;
use mysql::sql;
use mysql::{Db, Lock, Tx, counter, now_ms};
use sea_orm::FromQueryResult;
use std::collections::BTreeSet;

#[derive(FromQueryResult)]
struct RunRow {
    invocation_id: String,
}

#[derive(FromQueryResult)]
struct RowState {
    status: String,
}

#[derive(FromQueryResult)]
struct RegionRow {
    region_id: String,
}

/// Locks run and row. False when the deployment is not ours to end: claimed by another invocation, or no longer
/// in work (a healthy thing is never made unhealthy). Without a run row nobody else can claim it either.
async fn still_ours(tx: &Tx, invocation: Option<&str>, deployment_id: &str) -> Result<bool, Stop> {
    tx.touch(Lock::Runs);
    let run: Option<RunRow> = sql::one(
        &**tx,
        "SELECT invocation_id FROM ctrl_worker_runs WHERE deployment_id = ? FOR UPDATE",
        [deployment_id.into()],
    )
    .await?;
    if let Some(me) = invocation
        && run.is_some_and(|r| r.invocation_id != me)
    {
        return Ok(false);
    }
    tx.touch(Lock::Deployments);
    let row: Option<RowState> = sql::one(
        &**tx,
        &format!("SELECT status FROM deployments WHERE id = ? AND status IN ({ACTIVE}) FOR UPDATE"),
        [deployment_id.into()],
    )
    .await?;
    Ok(row.is_some_and(|r| !r.status.is_empty()))
}

/// Stops every running topology row of an unfinished deployment, last region first, each with a new version.
pub(crate) async fn stop_topology(
    db: &Db,
    invocation: Option<&str>,
    deployment_id: &str,
) -> Result<(), Stop> {
    mysql::retry_as(|| async {
        let tx = db.begin().await?;
        if still_ours(&tx, invocation, deployment_id).await? {
            stop_rows(&tx, deployment_id).await?;
        }
        tx.commit().await?;
        Ok(())
    })
    .await
}

async fn stop_rows(tx: &Tx, deployment_id: &str) -> Result<(), Stop> {
    tx.touch(Lock::DeploymentTopology);
    let rows: Vec<RegionRow> = sql::all(
        &**tx,
        "SELECT region_id FROM deployment_topology WHERE deployment_id = ? AND desired_status = 'running' ORDER BY region_id DESC",
        [deployment_id.into()],
    )
    .await?;
    let regions: BTreeSet<String> = rows.iter().map(|r| r.region_id.clone()).collect();
    let versions = counter::next_many(tx, &regions).await?;
    for row in rows {
        sql::execute(
            &**tx,
            "UPDATE deployment_topology SET desired_status = 'stopped', version = ?, updated_at = ? WHERE deployment_id = ? AND region_id = ?",
            [versions[&row.region_id].into(), now_ms().into(), deployment_id.into(), row.region_id.as_str().into()],
        )
        .await?;
    }
    Ok(())
}

/// Marks an unfinished deployment failed, with the reason in the step `phase`.
pub(crate) async fn mark_failed(
    db: &Db,
    invocation: Option<&str>,
    deployment_id: &str,
    phase: Phase,
    error: &str,
    reason: &str,
) -> Result<(), Stop> {
    mysql::retry_as(|| async {
        let tx = db.begin().await?;
        if still_ours(&tx, invocation, deployment_id).await? {
            write_failed(&tx, deployment_id, phase, error, reason).await?;
        }
        tx.commit().await?;
        Ok(())
    })
    .await
}

async fn write_failed(
    tx: &Tx,
    deployment_id: &str,
    phase: Phase,
    error: &str,
    reason: &str,
) -> Result<(), Stop> {
    let now = now_ms();
    sql::execute(
        &**tx,
        "UPDATE deployments SET status = 'failed', updated_at = ? WHERE id = ?",
        [now.into(), deployment_id.into()],
    )
    .await?;
    phase::fail(tx, deployment_id, phase, error, now).await?;
    sql::execute(
        &**tx,
        "UPDATE ctrl_worker_runs SET ended_at = ?, end_reason = ? WHERE deployment_id = ?",
        [now.into(), reason.into(), deployment_id.into()],
    )
    .await?;
    sql::execute(
        &**tx,
        "DELETE FROM ctrl_worker_waits WHERE deployment_id = ?",
        [deployment_id.into()],
    )
    .await?;
    Ok(())
}

/// Both at once, for the reconciler: nobody is left who would run the undo.
pub(crate) async fn abandon(
    db: &Db,
    deployment_id: &str,
    phase: Phase,
    error: &str,
    reason: &str,
) -> Result<bool, Stop> {
    mysql::retry_as(|| async {
        let tx = db.begin().await?;
        let ours = still_ours(&tx, None, deployment_id).await?;
        if ours {
            write_failed(&tx, deployment_id, phase, error, reason).await?;
            stop_rows(&tx, deployment_id).await?;
        }
        tx.commit().await?;
        Ok(ours)
    })
    .await
}
