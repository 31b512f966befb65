//! What still works on the environment or runs for it: invocations are cancelled in Restate first, then the rows say
//! so, then the edge is told to stop, with new versions.

use crate::owner::Owner;
use crate::traffic;
use durable::Stop;
use mysql::{Db, DbError, Lock, Tx, counter, now_ms, sql};
use restate_api::{Admin, Class};
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Deployments or topology rows of one transaction or step.
const SOME: usize = 100;

/// Statuses a deployment does not leave by itself.
pub(crate) const ENDED: &str = "'ready','failed','skipped','stopped'";

/// Public text of the step that was open.
const TEXT: &str = "Cancelled by the deletion of the environment.";
const REASON: &str = "environment deleted";

#[derive(FromQueryResult)]
struct Id {
    id: String,
}

#[derive(FromQueryResult)]
struct Pk {
    pk: u64,
}

#[derive(FromQueryResult)]
struct Row {
    pk: u64,
    region_id: String,
    deployment_id: String,
}

/// How far stopping came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stopped {
    /// Nothing runs any more.
    All,
    /// There is more to stop.
    Some,
    /// A route came back in the meantime and has to go first.
    RoutesFirst,
}

/// Cancels the invocations that deploy or wake something of this environment. One that Restate does not know any more,
/// or that has ended, is as good.
pub(crate) async fn cancel(db: &Db, admin: &Admin, owner: &Owner) -> Result<usize, Stop> {
    let mine: [Value; 2] = [owner.project_id.as_str().into(), owner.id.as_str().into()];
    let invocations: Vec<Id> = sql::all(
        db.primary(),
        "SELECT r.invocation_id AS id FROM deployments d JOIN ctrl_worker_runs r ON r.deployment_id = d.id
         WHERE d.project_id = ? AND d.environment_id = ? AND r.ended_at IS NULL
         UNION
         SELECT w.invocation_id AS id FROM deployments d JOIN ctrl_worker_waits w ON w.deployment_id = d.id
         WHERE d.project_id = ? AND d.environment_id = ?",
        mine.clone().into_iter().chain(mine),
    )
    .await?;
    for invocation in &invocations {
        cancel_one(admin, &invocation.id).await?;
    }
    Ok(invocations.len())
}

/// Asks Restate to end one invocation.
pub(crate) async fn cancel_one(admin: &Admin, invocation: &str) -> Result<(), Stop> {
    match admin.cancel(invocation).await {
        Ok(()) => Ok(()),
        Err(e)
            if matches!(
                e.class(),
                Class::NotFound | Class::Conflict | Class::BadRequest
            ) =>
        {
            tracing::debug!(invocation, error = %e, "nothing to cancel");
            Ok(())
        }
        Err(e) => Err(Stop::retry(e)),
    }
}

/// Fails some deployments that are not at an end; true while there are more.
pub(crate) async fn end(db: &Db, owner: &Owner) -> Result<bool, Stop> {
    let sql = format!(
        "SELECT id FROM deployments WHERE project_id = ? AND environment_id = ? AND status NOT IN ({ENDED}) ORDER BY pk LIMIT {SOME}"
    );
    let open: Vec<Id> = sql::all(
        db.primary(),
        &sql,
        [owner.project_id.as_str().into(), owner.id.as_str().into()],
    )
    .await?;
    for deployment in &open {
        mysql::retry(|| fail(db, &deployment.id)).await?;
    }
    Ok(open.len() == SOME)
}

async fn fail(db: &Db, id: &str) -> Result<(), DbError> {
    let tx = db.begin().await?;
    let now = now_ms();
    tx.touch(Lock::Runs);
    sql::execute(
        &*tx,
        "UPDATE ctrl_worker_runs SET ended_at = ?, end_reason = ? WHERE deployment_id = ? AND ended_at IS NULL",
        [now.into(), REASON.into(), id.into()],
    )
    .await?;
    tx.touch(Lock::Deployments);
    let failed = sql::execute(
        &*tx,
        &format!("UPDATE deployments SET status = 'failed', updated_at = ? WHERE id = ? AND status NOT IN ({ENDED})"),
        [now.into(), id.into()],
    )
    .await?;
    if failed == 0 {
        // It came to its end meanwhile, and so did its run.
        return tx.rollback().await;
    }
    let open: Vec<Pk> = sql::all(
        &*tx,
        "SELECT pk FROM deployment_steps WHERE deployment_id = ? AND ended_at IS NULL",
        [id.into()],
    )
    .await?;
    for step in open {
        sql::execute(
            &*tx,
            "UPDATE deployment_steps SET ended_at = ?, error = ? WHERE pk = ?",
            [now.into(), TEXT.into(), step.pk.into()],
        )
        .await?;
    }
    sql::execute(
        &*tx,
        "DELETE FROM ctrl_worker_waits WHERE deployment_id = ?",
        [id.into()],
    )
    .await?;
    tx.commit().await
}

/// Stops some workloads, each row with a version of its own. Under the app's lock, so that nobody wakes them and
/// nothing live is stopped.
pub(crate) async fn stop(db: &Db, owner: &Owner) -> Result<Stopped, Stop> {
    Ok(mysql::retry(|| stop_some(db, owner)).await?)
}

async fn stop_some(db: &Db, owner: &Owner) -> Result<Stopped, DbError> {
    let tx = db.begin().await?;
    let app = traffic::lock(&tx, owner).await?;
    if traffic::has_routes(&tx, owner).await? {
        return Ok(Stopped::RoutesFirst);
    }
    let sql = format!(
        "SELECT t.pk, t.region_id, t.deployment_id FROM deployments d JOIN deployment_topology t ON t.deployment_id = d.id
         WHERE d.project_id = ? AND d.environment_id = ? AND t.desired_status = 'running' ORDER BY t.pk LIMIT {SOME}"
    );
    let rows: Vec<Row> = sql::all(
        &*tx,
        &sql,
        [owner.project_id.as_str().into(), owner.id.as_str().into()],
    )
    .await?;
    traffic::release(&tx, owner, &app).await?;
    archive_deployments(&tx, &rows).await?;
    tx.touch(Lock::DeploymentTopology);
    for row in &rows {
        sql::execute(
            &*tx,
            "UPDATE deployment_topology SET desired_status = 'stopped', updated_at = ? WHERE pk = ?",
            [now_ms().into(), row.pk.into()],
        )
        .await?;
    }
    renumber(
        &tx,
        "deployment_topology",
        rows.iter().map(|row| (row.pk, row.region_id.as_str())),
    )
    .await?;
    tx.commit().await?;
    Ok(if rows.len() == SOME {
        Stopped::Some
    } else {
        Stopped::All
    })
}

async fn archive_deployments(tx: &Tx, rows: &[Row]) -> Result<(), DbError> {
    tx.touch(Lock::Deployments);
    for row in rows {
        sql::execute(
            &**tx,
            "UPDATE deployments SET desired_state = 'archived', updated_at = ? WHERE id = ?",
            [now_ms().into(), row.deployment_id.as_str().into()],
        )
        .await?;
    }
    Ok(())
}

/// Tells the edge to take the gateways down. Gives the time from which on they are to be waited for; 0 when there are
/// none. `since`: what it gave before. A repetition finds nothing to archive and counts from its own time: later, never
/// earlier.
pub(crate) async fn archive_sentinels(db: &Db, owner: &Owner, since: i64) -> Result<i64, Stop> {
    Ok(mysql::retry(|| archive(db, owner, since)).await?)
}

async fn archive(db: &Db, owner: &Owner, since: i64) -> Result<i64, DbError> {
    #[derive(FromQueryResult)]
    struct Sentinel {
        pk: u64,
        region_id: String,
        runs: bool,
    }
    let tx = db.begin().await?;
    let all: Vec<Sentinel> = sql::all(
        &*tx,
        "SELECT pk, region_id, desired_state <> 'archived' AS runs FROM sentinels WHERE environment_id = ? AND workspace_id = ? ORDER BY pk",
        [owner.id.as_str().into(), owner.workspace_id.as_str().into()],
    )
    .await?;
    let rows: Vec<&Sentinel> = all.iter().filter(|row| row.runs).collect();
    let now = now_ms();
    tx.touch(Lock::Sentinels);
    for row in &rows {
        sql::execute(
            &*tx,
            "UPDATE sentinels SET desired_state = 'archived', updated_at = ? WHERE pk = ?",
            [now.into(), row.pk.into()],
        )
        .await?;
    }
    let numbered = rows.iter().map(|row| (row.pk, row.region_id.as_str()));
    renumber(&tx, "sentinels", numbered).await?;
    tx.commit().await?;
    Ok(match (all.is_empty(), rows.is_empty()) {
        (true, _) => 0,
        (false, true) if since > 0 => since,
        (false, _) => now,
    })
}

/// Gives each row the next version of its region, region by region in the order of the locks.
async fn renumber<'a>(
    tx: &Tx,
    table: &str,
    rows: impl Iterator<Item = (u64, &'a str)>,
) -> Result<(), DbError> {
    let mut by_region: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (pk, region) in rows {
        by_region.entry(region).or_default().push(pk);
    }
    let sql = format!("UPDATE {table} SET version = ? WHERE pk = ?");
    for (region, pks) in by_region {
        for pk in pks {
            let version = counter::next(tx, region).await?;
            sql::execute(&**tx, &sql, [version.into(), pk.into()]).await?;
        }
    }
    Ok(())
}
