//! Handler `Run`: a person wants the job to run now, whatever its schedule says. No window is taken away by it, and it
//! has no idempotency key: it runs for certain, and the job's own service sees to it that nothing is done twice.

use crate::Deps;
use crate::jobs::Job;
use crate::plan::{self, Due};
use crate::state;
use crate::turn::{self, Drawn};
use durable::{Stop, codes};
use messages::hydra::v1::{RunJobRequest, RunJobResponse};
use restate_sdk::context::{ContextClient, ObjectContext};
use scheduler_client::SchedulerClient;

pub(crate) async fn run(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    drawn: Drawn,
    _: RunJobRequest,
) -> Result<RunJobResponse, Stop> {
    let job = Job::of(ctx.key())?;
    let now = deps.now(durable::now!(ctx)?);
    let mut state = state::read(ctx).await?.unwrap_or_default();
    if let Some(running) = state.running.as_ref().filter(|run| now < run.deadline) {
        let text = format!(
            "{} is running since {}. Wait until it has ended.",
            job.name(),
            crate::calendar::minute(running.started_at)
        );
        return Err(Stop::fault(codes::JOB_RUNNING, text));
    }
    let lost = state.running.take().map(|run| plan::lost(run, now));
    if let Some(lost) = &lost {
        plan::finish(job, &mut state, lost.clone(), now);
    }
    // the date, month or minute of now, as somebody who calls the service by hand would name it
    let due = Due {
        at: now,
        closing: false,
    };
    let request = plan::start(job, &mut state, due, now, &drawn.run, None);
    let run = request.run.clone();
    // The state first: a cancellation from here on finds a run that is known, and will be recorded.
    turn::end(deps, ctx, job, state, drawn, lost.as_ref(), now).await;
    let sent = ctx
        .object_client::<SchedulerClient<'_>>(job.name())
        .execute(request)
        .send()
        .await?;
    Ok(RunJobResponse {
        run,
        invocation_id: sent.invocation_id().to_owned(),
    })
}
