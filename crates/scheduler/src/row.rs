//! The job's row in `ctrl_worker_jobs`: a copy of the object's state for metrics and for people with SQL, and what an
//! object that lost its state starts again from. Not the truth, and never waited for: what cannot be written now is
//! written with the next change, or when a worker arms the job again.

use crate::jobs::Job;
use crate::state::{Run, State};
use durable::Stop;
use mysql::entity::ctrl_worker_jobs as jobs;
use mysql::sql;
use mysql::{Db, DbError};
use sea_orm::EntityTrait;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longest the object waits for its row to be written.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the row remembers of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) armed_at: Option<i64>,
    pub(crate) done_until: Option<i64>,
    pub(crate) last_success_at: Option<i64>,
}

/// Reads what the row remembers.
pub(crate) async fn remembered(db: &Db, job: Job) -> Result<Option<Remembered>, Stop> {
    let row = jobs::Entity::find_by_id(job.name())
        .one(db.primary())
        .await?;
    Ok(row.map(|row| Remembered {
        armed_at: row.armed_at,
        done_until: row.done_until,
        last_success_at: row.last_success_at,
    }))
}

/// Writes the row unless the one that is there is newer, and counts the run that has just ended, if any. Says whether
/// it was written: nobody waits for a database that is away.
pub(crate) async fn write(
    db: &Db,
    job: Job,
    state: &State,
    ended: Option<&Run>,
    now: i64,
) -> Result<bool, Stop> {
    if let Some(run) = ended {
        count(job, run);
    }
    let row = row(job, state, now);
    match tokio::time::timeout(PATIENCE, upsert(db, &row)).await {
        Ok(Ok(())) => return Ok(true),
        Ok(Err(error)) => tracing::warn!(job = job.name(), %error, "the job's row was not written"),
        Err(_) => tracing::warn!(
            job = job.name(),
            "the database did not take the job's row in time"
        ),
    }
    Ok(false)
}

fn count(job: Job, run: &Run) {
    let seconds = run.finished_at.unwrap_or(run.started_at) - run.started_at;
    let outcome = run.outcome.map_or("failed", crate::state::Outcome::as_str);
    metrics::histogram!("ctrl_worker_job_seconds", "kind" => job.name(), "outcome" => outcome)
        .record(seconds as f64 / 1_000.0);
    metrics::counter!("ctrl_worker_job_items_total", "kind" => job.name())
        .increment(u64::try_from(run.items).unwrap_or(0));
}

/// The state as a row.
pub(crate) fn row(job: Job, state: &State, now: i64) -> jobs::Model {
    let last = state.last.as_ref();
    jobs::Model {
        job: job.name().to_owned(),
        active: state.enabled && !state.paused,
        paused: state.paused,
        armed_at: state.armed_at,
        done_until: state.done_until,
        next_at: state.next_at,
        unfinished_since: state.running.as_ref().map(|run| match run.by_hand {
            true => run.started_at,
            false => run.window_at,
        }),
        started_at: state.running.as_ref().or(last).map(|run| run.started_at),
        finished_at: last.and_then(|run| run.finished_at),
        outcome: last
            .and_then(|run| run.outcome)
            .map(|outcome| outcome.as_str().to_owned()),
        items: last.map_or(0, |run| run.items),
        error: last
            .map(|run| run.error.clone())
            .filter(|text| !text.is_empty()),
        last_success_at: state.last_success_at,
        updated_at: now,
    }
}

async fn upsert(db: &Db, row: &jobs::Model) -> Result<(), DbError> {
    // `updated_at` last: assignments are evaluated from left to right, and the others compare with it.
    let columns = [
        "active",
        "paused",
        "armed_at",
        "done_until",
        "next_at",
        "unfinished_since",
        "started_at",
        "finished_at",
        "outcome",
        "items",
        "error",
        "last_success_at",
        "updated_at",
    ];
    let newer = columns
        .map(|c| format!("{c} = IF(VALUES(updated_at) >= updated_at, VALUES({c}), {c})"))
        .join(", ");
    let text = format!(
        "INSERT INTO ctrl_worker_jobs (job, {}) VALUES ({}) ON DUPLICATE KEY UPDATE {newer}",
        columns.join(", "),
        sql::marks(columns.len() + 1)
    );
    let values: [sea_orm::Value; 14] = [
        row.job.as_str().into(),
        row.active.into(),
        row.paused.into(),
        row.armed_at.into(),
        row.done_until.into(),
        row.next_at.into(),
        row.unfinished_since.into(),
        row.started_at.into(),
        row.finished_at.into(),
        row.outcome.clone().into(),
        row.items.into(),
        row.error.clone().into(),
        row.last_success_at.into(),
        row.updated_at.into(),
    ];
    mysql::retry(|| sql::execute(db.primary(), &text, values.clone())).await?;
    Ok(())
}
