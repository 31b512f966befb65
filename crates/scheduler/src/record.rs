//! Handler `Record`: a run has ended. Whatever is due by now starts at once.

use crate::Deps;
use crate::jobs::Job;
use crate::plan;
use crate::state;
use crate::turn::{self, Drawn};
use durable::{Stop, codes};
use messages::hydra::v1::{RecordJobRequest, RecordJobResponse};
use restate_sdk::context::ObjectContext;

pub(crate) async fn record(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    drawn: Drawn,
    req: RecordJobRequest,
) -> Result<RecordJobResponse, Stop> {
    let job = Job::of(ctx.key())?;
    let Some(how) = req.run.as_option() else {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            "The field run is empty: name the run that has ended.",
        ));
    };
    let now = deps.now(durable::now!(ctx)?);
    let mut state = state::read(ctx).await?.unwrap_or_default();
    let Some(run) = state.running.clone().filter(|run| run.id == how.id) else {
        // It was recorded already, or given up: the object has gone on.
        tracing::warn!(
            job = job.name(),
            run = how.id,
            outcome = how.outcome,
            "a run ended that is not the present one"
        );
        let mut run = how.clone();
        run.finished_at_ms = now;
        return Ok(RecordJobResponse {
            run: Some(run).into(),
        });
    };
    let run = run.ended(how, now);
    plan::finish(job, &mut state, run.clone(), now);
    let outcome = run.outcome.map(state::Outcome::as_str);
    tracing::info!(
        job = job.name(),
        window = run.window,
        outcome,
        items = run.items,
        error = run.error,
        "run ended"
    );
    turn::end(deps, ctx, job, state, drawn, Some(&run), now).await;
    Ok(RecordJobResponse {
        run: Some(run.message()).into(),
    })
}
