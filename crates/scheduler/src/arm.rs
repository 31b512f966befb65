//! Handler `Arm`: turns a job on or off, as configured. Every replica sends it when it starts and again every few
//! minutes; whoever comes second changes nothing. A timer that was lost is set again.

use crate::Deps;
use crate::jobs::Job;
use crate::state::{self, State};
use crate::turn::{self, Drawn};
use crate::{row, steps};
use durable::{Preset, Stop};
use messages::hydra::v1::{ArmJobRequest, ArmJobResponse};
use restate_sdk::context::ObjectContext;
use row::Remembered;

pub(crate) async fn arm(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    drawn: Drawn,
    req: ArmJobRequest,
) -> Result<ArmJobResponse, Stop> {
    let job = Job::of(ctx.key())?;
    let now = deps.now(durable::now!(ctx)?);
    let (mut state, remembered) = match state::read(ctx).await? {
        Some(state) => (state, None),
        None => (State::default(), remember(deps, ctx, job).await?),
    };
    apply(job, &mut state, &req, remembered, now);
    turn::end(deps, ctx, job, state, drawn, None, now).await;
    Ok(ArmJobResponse::default())
}

/// A rebuilt Restate has no state, but the row may still know where the schedule was.
async fn remember(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    job: Job,
) -> Result<Option<Remembered>, Stop> {
    let read = durable::run!(
        ctx,
        steps::REMEMBER,
        Preset::Hint,
        row::remembered(&deps.db, job)
    );
    match read {
        Err(stop) if !stop.is_cancelled() => {
            tracing::warn!(job = job.name(), error = %stop, "the job's row cannot be read; its schedule begins now");
            Ok(None)
        }
        other => other,
    }
}

/// Takes the configuration into the state. A schedule that is turned on begins with the next window; one that was on
/// all the time goes on where it was.
fn apply(
    job: Job,
    state: &mut State,
    req: &ArmJobRequest,
    remembered: Option<Remembered>,
    now: i64,
) {
    state.off_because.clone_from(&req.off_because);
    if req.enabled == state.enabled {
        // a timer that is overdue will never come
        if state.timer_at.is_some_and(|at| at < now - OVERDUE) {
            state.timer_at = None;
        }
        return;
    }
    state.enabled = req.enabled;
    state.attempt = 0;
    state.retry_at = None;
    if !req.enabled {
        // somebody else keeps the time now: windows that pass are not missed
        (state.armed_at, state.done_until) = (None, None);
        return;
    }
    let before = remembered.filter(|r| r.done_until.is_some());
    state.armed_at = before.and_then(|r| r.armed_at).or(Some(now));
    state.done_until = before
        .and_then(|r| r.done_until)
        .or(Some(job.schedule().latest(now)));
    state.last_success_at = state
        .last_success_at
        .or(remembered.and_then(|r| r.last_success_at));
}

/// How late a timer may be before it counts as lost.
const OVERDUE: i64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const NOON: i64 = 20_000 * DAY + DAY / 2;

    fn on() -> ArmJobRequest {
        ArmJobRequest {
            enabled: true,
            off_because: String::new(),
        }
    }

    fn armed() -> State {
        let mut state = State::default();
        apply(Job::KeyRefill, &mut state, &on(), None, NOON);
        state
    }

    #[test]
    fn a_schedule_begins_with_the_next_window_and_a_second_arming_changes_nothing() {
        let state = armed();
        assert_eq!(
            (state.armed_at, state.done_until),
            (Some(NOON), Some(NOON - DAY / 2))
        );
        let mut again = state.clone();
        apply(Job::KeyRefill, &mut again, &on(), None, NOON + 3 * DAY);
        assert_eq!(again, state);
    }

    #[test]
    fn windows_that_pass_while_it_is_off_are_not_missed() {
        let mut state = armed();
        let off = ArmJobRequest {
            enabled: false,
            off_because: "scheduler.enabled is false".to_owned(),
        };
        apply(Job::KeyRefill, &mut state, &off, None, NOON);
        assert_eq!((state.enabled, state.done_until), (false, None));
        assert_eq!(state.off_because, off.off_because);
        apply(Job::KeyRefill, &mut state, &on(), None, NOON + 9 * DAY);
        assert_eq!(state.done_until, Some(NOON + 9 * DAY - DAY / 2));
        assert_eq!(state.off_because, "");
    }

    #[test]
    fn an_object_without_state_goes_on_where_its_row_was() {
        let remembered = Remembered {
            armed_at: Some(7),
            done_until: Some(NOON - 3 * DAY - DAY / 2),
            last_success_at: Some(NOON - 3 * DAY),
        };
        let mut state = State::default();
        apply(Job::KeyRefill, &mut state, &on(), Some(remembered), NOON);
        assert_eq!(
            (state.armed_at, state.done_until, state.last_success_at),
            (Some(7), remembered.done_until, remembered.last_success_at)
        );
        // of a schedule that was off there is nothing to go on from
        let off = Remembered {
            armed_at: None,
            done_until: None,
            last_success_at: Some(5),
        };
        let mut state = State::default();
        apply(Job::KeyRefill, &mut state, &on(), Some(off), NOON);
        assert_eq!(
            (state.done_until, state.last_success_at),
            (Some(NOON - DAY / 2), Some(5))
        );
    }

    #[test]
    fn only_an_overdue_timer_is_set_again() {
        for (late, kept) in [(0, true), (OVERDUE, true), (OVERDUE + 1, false)] {
            let mut state = armed();
            state.timer_at = Some(NOON);
            apply(Job::KeyRefill, &mut state, &on(), None, NOON + late);
            assert_eq!(state.timer_at.is_some(), kept, "{late}");
        }
    }
}
