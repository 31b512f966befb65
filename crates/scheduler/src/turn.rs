//! How every exclusive handler ends: what `plan` decided is sent, the timer is set, state and row are written.
//!
//! The run itself is never waited for here. It is sent to the shared handler `Execute`, which waits for the job's
//! service and has the outcome recorded, so Pause, Resume, Run and the timers always find the object free. Not for
//! deciding (see `plan`).

use crate::Deps;
use crate::jobs::Job;
use crate::state::{self, Run, State};
use crate::{plan, row, steps};
use durable::Preset;
use messages::hydra::v1::TickJobRequest;
use restate_sdk::context::{ContextClient, ContextSideEffects, ContextWriteState, ObjectContext};
use scheduler_client::SchedulerClient;

/// What a handler draws before anything else: the same on every replay.
pub(crate) struct Drawn {
    nonce: String,
    /// Id of a run, should one start.
    pub(crate) run: String,
}

impl Drawn {
    pub(crate) fn from(ctx: &mut ObjectContext<'_>) -> Self {
        Self {
            nonce: ctx.rand_uuid().to_string(),
            run: ctx.rand_uuid().to_string(),
        }
    }
}

/// Settles the state at `now` and stores it. `ended`: the run that this handler has recorded.
pub(crate) async fn end(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    job: Job,
    mut state: State,
    drawn: Drawn,
    ended: Option<&Run>,
    now: i64,
) {
    let before = state.last.as_ref().map(|run| run.id.clone());
    if let Some(request) = plan::settle(job, &mut state, now, &drawn.run) {
        tracing::info!(
            job = job.name(),
            idempotency_key = request.idempotency_key,
            "run starts"
        );
        let _ = ctx
            .object_client::<SchedulerClient<'_>>(job.name())
            .execute(request)
            .send();
    }
    let lost = state
        .last
        .clone()
        .filter(|run| before.as_ref() != Some(&run.id));
    if let Some(run) = &lost {
        tracing::warn!(job = job.name(), window = run.window, "a run was lost");
    }
    wind(deps, ctx, job, &mut state, drawn.nonce, now);
    ctx.set(state::JOB, state.clone().stored());
    let wrote = durable::run!(
        ctx,
        steps::ROW,
        Preset::Hint,
        row::write(&deps.db, job, &state, ended.or(lost.as_ref()), now)
    );
    // whoever cancels comes too late: everything but the copy is done
    if let Err(stop) = wrote {
        tracing::warn!(job = job.name(), error = %stop, "the job's row is out of date until its next change");
    }
}

/// Sets the timer. One that is due at the right time already stays: its nonce is still the newest.
fn wind(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    job: Job,
    state: &mut State,
    nonce: String,
    now: i64,
) {
    let at = plan::timer(state);
    let stays = at.is_some() && at == state.timer_at && state.nonce.is_some();
    if stays {
        return;
    }
    state.timer_at = at;
    state.nonce = at.map(|_| nonce.clone());
    let Some(at) = at else { return };
    ctx.object_client::<SchedulerClient<'_>>(job.name())
        .tick(TickJobRequest { nonce })
        .send_after(deps.timings.clock.until(now, at));
}
