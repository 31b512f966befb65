//! The one transaction of an end: run, status, steps and topology change together or not at all.

use crate::{By, order};
use durable::Stop;
use mysql::{Db, DbError, Lock, Tx, counter, now_ms, sql};
use sea_orm::FromQueryResult;
use std::collections::BTreeSet;

#[derive(FromQueryResult)]
struct Run {
    invocation_id: String,
    end_reason: Option<String>,
    ended_at: Option<i64>,
}

#[derive(FromQueryResult)]
struct Subject {
    status: String,
    workspace_id: String,
    project_id: String,
    app_id: String,
    environment_id: String,
}

#[derive(FromQueryResult)]
struct Pk {
    pk: u64,
}

#[derive(FromQueryResult)]
struct Region {
    region_id: String,
}

/// Ends the row. None: an invocation other than `stopped` has it by now and is to be stopped first.
pub(crate) async fn settle(
    db: &Db,
    id: &str,
    by: By<'_>,
    stopped: &str,
) -> Result<Option<bool>, Stop> {
    Ok(mysql::retry(|| once(db, id, by, stopped)).await?)
}

async fn once(db: &Db, id: &str, by: By<'_>, stopped: &str) -> Result<Option<bool>, DbError> {
    let (text, word) = order::words(by);
    let now = now_ms();
    let tx = db.begin().await?;
    // Without a run the row could still be taken by a Deploy on its way: an ended run keeps it away.
    tx.touch(Lock::Runs);
    let fresh = sql::execute(
        &*tx,
        "INSERT IGNORE INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at, ended_at, end_reason) VALUES (?, '', ?, ?, ?)",
        [id.into(), now.into(), now.into(), word.into()],
    )
    .await?;
    let run: Option<Run> = sql::one(
        &*tx,
        "SELECT invocation_id, end_reason, ended_at FROM ctrl_worker_runs WHERE deployment_id = ? FOR UPDATE",
        [id.into()],
    )
    .await?;
    let Some(mut run) = run else { return Ok(None) };
    if fresh > 0 {
        // Ours: it says nothing of an end before this one.
        run.end_reason = None;
    }
    tx.touch(Lock::Deployments);
    let subject: Option<Subject> = sql::one(
        &*tx,
        "SELECT CAST(status AS CHAR) AS status, workspace_id, project_id, app_id, environment_id
         FROM deployments WHERE id = ? FOR UPDATE",
        [id.into()],
    )
    .await?;
    let Some(subject) = subject else {
        return Ok(Some(false));
    };
    let ended_so = subject.status == order::status(by) && run.end_reason.as_deref() == Some(word);
    // The undo of Deploy was faster than we, maybe faster than a try of ours before this one: what it says is said again
    // in our words.
    let undone = subject.status == "failed"
        && run.end_reason.as_deref() == Some("cancelled")
        && retitle(&tx, id, &text, now).await?;
    if undone {
        end_run(&tx, id, word, now).await?;
        set_status(&tx, id, order::status(by), now).await?;
        tx.commit().await?;
        return Ok(Some(true));
    }
    // Stopped by us while it was being built, it came a step further before it noticed.
    let ours = !stopped.is_empty() && run.invocation_id == stopped;
    let came_further = ours && matches!(subject.status.as_str(), "deploying" | "network");
    if !order::may_end(&subject.status, by) && !came_further {
        return Ok(Some(ended_so));
    }
    if run.ended_at.is_none() && !run.invocation_id.is_empty() && run.invocation_id != stopped {
        return Ok(None);
    }
    set_status(&tx, id, order::status(by), now).await?;
    end_steps(&tx, id, &subject, &text, now).await?;
    end_run(&tx, id, word, now).await?;
    stop_topology(&tx, id, now).await?;
    tx.commit().await?;
    Ok(Some(true))
}

async fn set_status(tx: &Tx, id: &str, status: &str, now: i64) -> Result<(), DbError> {
    sql::execute(
        tx,
        "UPDATE deployments SET status = ?, updated_at = ? WHERE id = ?",
        [status.into(), now.into(), id.into()],
    )
    .await
    .map(drop)
}

/// Overwrites the reason of an end that no one of us gave; false when there is none.
async fn retitle(tx: &Tx, id: &str, text: &str, now: i64) -> Result<bool, DbError> {
    let steps: Vec<Pk> = sql::all(
        tx,
        "SELECT pk FROM deployment_steps WHERE deployment_id = ? AND error IS NOT NULL
         AND error NOT LIKE 'cancelled by %' AND error NOT LIKE 'superseded by %'",
        [id.into()],
    )
    .await?;
    for step in &steps {
        close(tx, step.pk, text, now).await?;
    }
    Ok(!steps.is_empty())
}

/// The open steps end with the text; without one the deployment was never begun, and the text is in `queued`. Read
/// first and ended by primary key: an update by deployment would lock the gaps beside its rows.
async fn end_steps(tx: &Tx, id: &str, of: &Subject, text: &str, now: i64) -> Result<(), DbError> {
    let open: Vec<Pk> = sql::all(
        tx,
        "SELECT pk FROM deployment_steps WHERE deployment_id = ? AND ended_at IS NULL",
        [id.into()],
    )
    .await?;
    for step in &open {
        close(tx, step.pk, text, now).await?;
    }
    if open.is_empty() {
        sql::execute(
            tx,
            "INSERT INTO deployment_steps (workspace_id, project_id, app_id, environment_id, deployment_id, step, started_at, ended_at, error)
             VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?)
             ON DUPLICATE KEY UPDATE ended_at = VALUES(ended_at), error = VALUES(error)",
            [
                of.workspace_id.as_str().into(),
                of.project_id.as_str().into(),
                of.app_id.as_str().into(),
                of.environment_id.as_str().into(),
                id.into(),
                now.into(),
                now.into(),
                text.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

async fn close(tx: &Tx, pk: u64, text: &str, now: i64) -> Result<(), DbError> {
    sql::execute(
        tx,
        "UPDATE deployment_steps SET ended_at = COALESCE(ended_at, ?), error = ? WHERE pk = ?",
        [now.into(), text.into(), pk.into()],
    )
    .await
    .map(drop)
}

async fn end_run(tx: &Tx, id: &str, word: &str, now: i64) -> Result<(), DbError> {
    sql::execute(
        tx,
        "UPDATE ctrl_worker_runs SET ended_at = COALESCE(ended_at, ?), end_reason = ? WHERE deployment_id = ?",
        [now.into(), word.into(), id.into()],
    )
    .await?;
    sql::execute(
        tx,
        "DELETE FROM ctrl_worker_waits WHERE deployment_id = ?",
        [id.into()],
    )
    .await
    .map(drop)
}

/// The undo of Deploy leaves a row at its end alone, so what it has running is stopped here, each row with a new version.
async fn stop_topology(tx: &Tx, id: &str, now: i64) -> Result<(), DbError> {
    tx.touch(Lock::DeploymentTopology);
    let rows: Vec<Region> = sql::all(
        tx,
        "SELECT region_id FROM deployment_topology WHERE deployment_id = ? AND desired_status = 'running' ORDER BY region_id",
        [id.into()],
    )
    .await?;
    let regions: BTreeSet<String> = rows.into_iter().map(|row| row.region_id).collect();
    if regions.is_empty() {
        return Ok(());
    }
    let versions = counter::next_many(tx, &regions).await?;
    for region in &regions {
        sql::execute(
            tx,
            "UPDATE deployment_topology SET desired_status = 'stopped', version = ?, updated_at = ? WHERE deployment_id = ? AND region_id = ?",
            [versions[region].into(), now.into(), id.into(), region.as_str().into()],
        )
        .await?;
    }
    Ok(())
}
