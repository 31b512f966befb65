//! Handler `Execute`: calls the job's own service, waits for it, and has the outcome recorded. Shared, so that it holds
//! up nobody however long the job takes; while it waits it is suspended and costs nothing.

use crate::jobs::Job;
use crate::state::Outcome;
use crate::target;
use durable::{Stop, codes};
use messages::hydra::v1::{ExecuteJobRequest, ExecuteJobResponse, JobRun, RecordJobRequest};
use restate_sdk::context::{ContextClient, SharedObjectContext};
use restate_sdk::errors::TerminalError;
use scheduler_client::SchedulerClient;

pub(crate) async fn execute(
    ctx: &SharedObjectContext<'_>,
    req: ExecuteJobRequest,
) -> Result<ExecuteJobResponse, Stop> {
    let job = Job::of(ctx.key())?;
    let Some(run) = req.run.as_option() else {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            "The field run is empty: only the service itself sends this.",
        ));
    };
    let result = target::call(ctx, job, &req.target_key, &req.idempotency_key).await;
    let ended = ended(run.clone(), result);
    let recorded = match record(ctx, job, &ended).await {
        // The cancellation came while it was being recorded; it comes only once.
        Err(stop) if stop.is_cancelled() => record(ctx, job, &ended).await?,
        other => other?,
    };
    Ok(ExecuteJobResponse {
        run: recorded.into(),
    })
}

async fn record(
    ctx: &SharedObjectContext<'_>,
    job: Job,
    ended: &JobRun,
) -> Result<Option<JobRun>, Stop> {
    let answer = ctx
        .object_client::<SchedulerClient<'_>>(job.name())
        .record(RecordJobRequest {
            run: Some(ended.clone()).into(),
        })
        .call()
        .await?;
    Ok(answer.run.as_option().cloned())
}

/// The run with its outcome.
fn ended(mut run: JobRun, result: Result<i64, TerminalError>) -> JobRun {
    let outcome = match result {
        Ok(items) => {
            run.items = items;
            Outcome::Succeeded
        }
        Err(e) => {
            run.error = e.message().to_owned();
            if e.code() == 409 && e.message() == "cancelled" {
                Outcome::Cancelled
            } else {
                Outcome::Failed
            }
        }
    };
    run.outcome = outcome.as_str().to_owned();
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_counted_and_a_failure_keeps_its_words() {
        let end = |result| {
            let run = ended(JobRun::default(), result);
            (run.outcome, run.items, run.error)
        };
        assert_eq!(end(Ok(7)), ("succeeded".into(), 7, String::new()));
        let failure = TerminalError::new_with_code(503, "CW0024: Configure ClickHouse.");
        assert_eq!(
            end(Err(failure)),
            ("failed".into(), 0, "CW0024: Configure ClickHouse.".into())
        );
        let cancelled = TerminalError::new_with_code(409, "cancelled");
        assert_eq!(end(Err(cancelled)).0, "cancelled");
    }
}
