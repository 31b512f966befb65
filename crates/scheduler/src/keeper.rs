//! The task of every worker process that keeps the jobs armed and shows how they stand: it sends `Arm` through ingress
//! when the process starts and again every few minutes, and reads the rows of all jobs for the gauges.
//!
//! Any number of replicas may run it: arming twice changes nothing, and each shows the same numbers.

use crate::clock::Timings;
use crate::jobs::Job;
use messages::hydra::v1::ArmJobRequest;
use mysql::entity::ctrl_worker_jobs as jobs;
use mysql::{Db, DbError};
use restate_api::{ApiError, Class, Ingress};
use sea_orm::EntityTrait;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a job that could not be armed is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest a call of `Arm` may take.
const ARM: Duration = Duration::from_secs(10);
/// While the process is this young, Restate may not know its services yet.
const YOUNG: Duration = Duration::from_secs(60);

/// What the keeper needs.
#[derive(Clone)]
pub struct KeeperDeps {
    /// The database.
    pub db: Db,
    /// Restate's ingress.
    pub ingress: Ingress,
    /// Waiting times.
    pub timings: Timings,
    /// Every job: `None` when its schedule runs, otherwise why it does not.
    pub jobs: Vec<(Job, Option<String>)>,
}

/// Runs until `shutdown`. Errors are logged and tried again; it never ends by itself.
pub async fn run(deps: KeeperDeps, shutdown: CancellationToken) {
    let began = Instant::now();
    let mut arm_at = began;
    let mut look_at = began;
    while !shutdown.is_cancelled() {
        if Instant::now() >= arm_at {
            let armed = tokio::select! {
                armed = arm_all(&deps) => armed,
                () = shutdown.cancelled() => return,
            };
            arm_at = Instant::now()
                + match armed {
                    Ok(()) => deps.timings.rearm,
                    Err(error) => {
                        tell(&error, began.elapsed() < YOUNG);
                        AGAIN
                    }
                };
        }
        if Instant::now() >= look_at {
            let looked = tokio::select! {
                looked = look(&deps) => looked,
                () = shutdown.cancelled() => return,
            };
            if let Err(error) = looked {
                tracing::warn!(%error, "the jobs' rows could not be read; their gauges are out of date");
            }
            look_at = Instant::now() + deps.timings.look;
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep_until(arm_at.min(look_at)) => {}
        }
    }
}

fn tell(error: &ApiError, young: bool) {
    if young && matches!(error.class(), Class::NotFound | Class::Unavailable) {
        tracing::debug!(%error, "the jobs are not armed yet");
    } else {
        tracing::warn!(%error, "the jobs could not be armed; trying again");
    }
}

async fn arm_all(deps: &KeeperDeps) -> Result<(), ApiError> {
    let ingress = deps.ingress.clone().with_timeout(Some(ARM));
    for (job, off) in &deps.jobs {
        let request = ArmJobRequest {
            enabled: off.is_none(),
            off_because: off.clone().unwrap_or_default(),
        };
        ingress
            .call(scheduler_client::SERVICE, job.name(), "Arm", &request)
            .await?;
    }
    Ok(())
}

/// Reads every row and sets the gauges.
async fn look(deps: &KeeperDeps) -> Result<(), DbError> {
    let rows = jobs::Entity::find().all(deps.db.primary()).await?;
    let now = deps.timings.clock.at(mysql::now_ms());
    for job in Job::ALL {
        let row = rows.iter().find(|row| row.job == job.name());
        let shown = Shown::of(row, now);
        metrics::gauge!("ctrl_worker_job_enabled", "kind" => job.name()).set(shown.enabled);
        metrics::gauge!("ctrl_worker_oldest_active_seconds", "kind" => job.name())
            .set(shown.oldest);
        if let Some(at) = shown.last_success {
            metrics::gauge!("ctrl_worker_job_last_success_timestamp_seconds", "kind" => job.name())
                .set(at);
        }
    }
    Ok(())
}

/// What the gauges of a job show.
#[derive(Debug, PartialEq)]
struct Shown {
    enabled: f64,
    /// Seconds since what is unfinished was due; 0 without any.
    oldest: f64,
    /// Epoch seconds; before the first success, when the schedule was turned on.
    last_success: Option<f64>,
}

impl Shown {
    fn of(row: Option<&jobs::Model>, now: i64) -> Self {
        let Some(row) = row else {
            return Self {
                enabled: 0.0,
                oldest: 0.0,
                last_success: None,
            };
        };
        // a window that has begun and was not started is as unfinished as one that runs
        let waiting = row.next_at.filter(|at| *at < now && row.active);
        let since = [row.unfinished_since, waiting].into_iter().flatten().min();
        Self {
            enabled: if row.active { 1.0 } else { 0.0 },
            oldest: since.map_or(0.0, |at| (now - at).max(0) as f64 / 1_000.0),
            last_success: row
                .last_success_at
                .or(row.armed_at)
                .map(|at| at as f64 / 1_000.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Run, State};

    fn shown(state: &State, now: i64) -> Shown {
        Shown::of(Some(&crate::row::row(Job::KeyRefill, state, now)), now)
    }

    fn running(by_hand: bool) -> Run {
        Run {
            id: "r".into(),
            window: "w".into(),
            window_at: 10_000,
            closing: false,
            by_hand,
            started_at: 25_000,
            deadline: 90_000,
            finished_at: None,
            outcome: None,
            items: 0,
            error: String::new(),
        }
    }

    #[test]
    fn unfinished_is_what_runs_and_what_is_due_but_was_not_started() {
        let mut state = State {
            enabled: true,
            armed_at: Some(5_000),
            next_at: Some(60_000),
            ..State::default()
        };
        let idle = Shown {
            enabled: 1.0,
            oldest: 0.0,
            last_success: Some(5.0),
        };
        assert_eq!(shown(&state, 30_000), idle);
        assert!(
            (shown(&state, 61_000).oldest - 1.0).abs() < 1e-9,
            "due for a second"
        );
        state.running = Some(running(false));
        assert!(
            (shown(&state, 30_000).oldest - 20.0).abs() < 1e-9,
            "since its window"
        );
        state.running = Some(running(true));
        assert!(
            (shown(&state, 30_000).oldest - 5.0).abs() < 1e-9,
            "since it was started"
        );
        state.running = None;
        state.paused = true;
        state.last_success_at = Some(7_000);
        let held = Shown {
            enabled: 0.0,
            oldest: 0.0,
            last_success: Some(7.0),
        };
        assert_eq!(shown(&state, 61_000), held);
    }

    #[test]
    fn a_job_without_a_row_shows_nothing() {
        let none = Shown {
            enabled: 0.0,
            oldest: 0.0,
            last_success: None,
        };
        assert_eq!(Shown::of(None, 1), none);
    }
}
