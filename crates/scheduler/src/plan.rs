//! What a job does now: which window is due, whether it may start, when the object looks again. Pure; every
//! exclusive handler ends with [`settle`]. Not for sending what was decided (see `turn`).

use crate::jobs::{Job, Missed, Schedule};
use crate::state::{Outcome, Run, State};
use messages::hydra::v1::ExecuteJobRequest;

/// Most missed windows that are caught up one by one. Older dates of the refill are covered by these: a month of
/// dates holds every day of a month, and its end.
const CATCH_UP: i64 = 31;

/// Pause before a failed window is tried again: doubled with each failure, at most an hour.
const RETRY_FIRST: i64 = 5 * 60_000;
const RETRY_MOST: i64 = 60 * 60_000;

/// A window to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) at: i64,
    /// The month before the window's is run once more first.
    pub(crate) closing: bool,
}

/// Brings the state up to `now`: gives up a run nobody hears of, skips what is fresh, starts at most one run and sets
/// when to look again. `id` becomes the id of the run.
pub(crate) fn settle(job: Job, state: &mut State, now: i64, id: &str) -> Option<ExecuteJobRequest> {
    let schedule = job.schedule();
    if let Some(run) = state.running.clone().filter(|run| now >= run.deadline) {
        finish(job, state, lost(run, now), now);
    }
    let start = start_due(job, &schedule, state, now, id);
    state.next_at = next(&schedule, state, now);
    start
}

/// A run that was given up.
pub(crate) fn lost(run: Run, now: i64) -> Run {
    Run {
        outcome: Some(Outcome::Lost),
        finished_at: Some(now),
        error: "Nothing was heard of the run within its time limit. Look for its invocation in Restate."
            .to_owned(),
        ..run
    }
}

/// When the object must look again; `None`: never.
pub(crate) fn timer(state: &State) -> Option<i64> {
    let deadline = state.running.as_ref().map(|run| run.deadline);
    match (state.next_at, deadline) {
        (Some(next), Some(deadline)) => Some(next.min(deadline)),
        (next, deadline) => next.or(deadline),
    }
}

/// When the next run is due.
fn next(schedule: &Schedule, state: &State, now: i64) -> Option<i64> {
    if !state.enabled || state.paused {
        return None;
    }
    let window = schedule.next(now);
    // while something runs, its end decides about a retry
    let retry = state.retry_at.filter(|_| state.running.is_none());
    Some(retry.map_or(window, |retry| retry.min(window)))
}

fn start_due(
    job: Job,
    schedule: &Schedule,
    state: &mut State,
    now: i64,
    id: &str,
) -> Option<ExecuteJobRequest> {
    if !state.enabled || state.paused || state.running.is_some() {
        return None;
    }
    let due = due(schedule, state, now)?;
    if schedule.fresh && is_fresh(schedule, state, now) {
        state.done_until = Some(due.at);
        state.attempt = 0;
        state.retry_at = None;
        return None;
    }
    if state.retry_at.is_some_and(|at| at > now) {
        return None;
    }
    let attempt = state.attempt;
    Some(start(job, state, due, now, id, Some(attempt)))
}

/// The window that is due now: never run, in no way too early.
pub(crate) fn due(schedule: &Schedule, state: &State, now: i64) -> Option<Due> {
    let done = state.done_until?;
    let latest = schedule.latest(now);
    if latest <= done {
        return None;
    }
    let at = match schedule.missed {
        Missed::Each => (done + schedule.period).max(latest - (CATCH_UP - 1) * schedule.period),
        Missed::Latest | Missed::LatestAndClosing => latest,
    };
    let closing = schedule.missed == Missed::LatestAndClosing
        && crate::calendar::month(done) != crate::calendar::month(at)
        && state.closed != crate::calendar::month_before(at);
    Some(Due { at, closing })
}

/// Whether a run is so young that the window has nothing to do.
fn is_fresh(schedule: &Schedule, state: &State, now: i64) -> bool {
    state
        .last_success_at
        .is_some_and(|at| now - at < schedule.period / 2)
}

/// Starts a run; by hand without an `attempt`, and then without an idempotency key, so that it runs for certain.
pub(crate) fn start(
    job: Job,
    state: &mut State,
    due: Due,
    now: i64,
    id: &str,
    attempt: Option<u32>,
) -> ExecuteJobRequest {
    let run = Run {
        id: id.to_owned(),
        window: job.window(due.at, due.closing),
        window_at: due.at,
        closing: due.closing,
        by_hand: attempt.is_none(),
        started_at: now,
        deadline: now + job.schedule().limit,
        finished_at: None,
        outcome: None,
        items: 0,
        error: String::new(),
    };
    let request = ExecuteJobRequest {
        target_key: job.target_key(&run.window),
        idempotency_key: attempt
            .map(|n| job.idempotency_key(due.at, due.closing, n))
            .unwrap_or_default(),
        run: Some(run.message()).into(),
    };
    state.running = Some(run);
    request
}

/// Takes the end of a run into the state.
pub(crate) fn finish(job: Job, state: &mut State, run: Run, now: i64) {
    let schedule = job.schedule();
    state.running = None;
    let outcome = run.outcome.unwrap_or(Outcome::Failed);
    if outcome == Outcome::Succeeded {
        state.last_success_at = Some(now);
        state.failures = 0;
    } else {
        state.failures = state.failures.saturating_add(1);
    }
    if !run.by_hand {
        let again = state.attempt < schedule.tries && may_heal(outcome, &run.error);
        if again {
            state.retry_at = Some(now + retry_pause(state.attempt));
            state.attempt += 1;
        } else {
            state.attempt = 0;
            state.retry_at = None;
            if run.closing {
                state.closed.clone_from(&run.window);
            } else {
                state.done_until = state.done_until.max(Some(run.window_at));
            }
        }
    }
    state.last = Some(run);
}

fn retry_pause(attempt: u32) -> i64 {
    (RETRY_FIRST << attempt.min(8)).min(RETRY_MOST)
}

/// Whether another try may succeed: not after a refusal with a code of ours, which says what a person has to do, and
/// not after somebody cancelled the run.
fn may_heal(outcome: Outcome, error: &str) -> bool {
    match outcome {
        Outcome::Succeeded | Outcome::Cancelled => false,
        Outcome::Lost => true,
        Outcome::Failed => {
            let exhausted = error.starts_with(durable::codes::RETRIES_EXHAUSTED.id);
            exhausted
                || !durable::codes::ALL
                    .iter()
                    .any(|code| error.starts_with(code.id))
        }
    }
}

#[cfg(test)]
mod tests;
