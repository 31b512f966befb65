//! Handlers `Pause` and `Resume`: a person holds a job's schedule, and lets it go on. What runs already runs to its end.
//! Windows that passed meanwhile count as missed.

use crate::Deps;
use crate::jobs::Job;
use crate::state;
use crate::turn::{self, Drawn};
use durable::Stop;
use restate_sdk::context::ObjectContext;

/// Holds the schedule, or lets it go on. Repeating it changes nothing.
pub(crate) async fn set(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    drawn: Drawn,
    paused: bool,
) -> Result<(), Stop> {
    let job = Job::of(ctx.key())?;
    let now = deps.now(durable::now!(ctx)?);
    let mut state = state::read(ctx).await?.unwrap_or_default();
    state.paused = paused;
    turn::end(deps, ctx, job, state, drawn, None, now).await;
    Ok(())
}
