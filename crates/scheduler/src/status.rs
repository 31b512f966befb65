//! Handler `Status`: how a job stands. Shared, and writes nothing.

use crate::jobs::Job;
use crate::state::{self, Run, State};
use durable::Stop;
use messages::hydra::v1::JobStatusResponse;
use restate_sdk::context::SharedObjectContext;

pub(crate) async fn status(ctx: &SharedObjectContext<'_>) -> Result<JobStatusResponse, Stop> {
    Job::of(ctx.key())?;
    Ok(answer(&state::read_shared(ctx).await?))
}

fn answer(state: &State) -> JobStatusResponse {
    JobStatusResponse {
        enabled: state.enabled,
        off_because: state.off_because.clone(),
        paused: state.paused,
        next_at_ms: state.next_at.unwrap_or(0),
        running: state.running.as_ref().map(Run::message).into(),
        last: state.last.as_ref().map(Run::message).into(),
        last_success_at_ms: state.last_success_at.unwrap_or(0),
        failures: i32::try_from(state.failures).unwrap_or(i32::MAX),
    }
}
