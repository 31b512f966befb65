//! `ChangeDesiredState`: carries out a scheduled change, if it is still the newest one.

use crate::apply::{self, Outcome};
use crate::target::{self, Target};
use crate::{state, steps};
use deployment_client::{DeploymentClient, SERVICE};
use durable::{Preset, Stop, codes};
use messages::hydra::v1::{ChangeDesiredStateRequest, ChangeDesiredStateResponse};
use mysql::Db;
use restate_sdk::context::{ContextClient, ContextWriteState, ObjectContext};
use restate_sdk::errors::HandlerResult;
use std::time::Duration;

/// When a change that could not be written is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Writes the change in one transaction and ends the schedule, however that goes: a schedule that stays behind a
/// terminal error would keep the place for ever.
pub(crate) async fn handler(
    db: &Db,
    ctx: ObjectContext<'_>,
    req: ChangeDesiredStateRequest,
) -> HandlerResult<ChangeDesiredStateResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "ChangeDesiredState", &invocation, &key, async {
        let stored = state::read(&ctx).await?;
        if !state::may_act(stored.as_ref(), &req.nonce) {
            tracing::info!("a newer schedule replaced this one, or it was cleared");
            return Ok(ChangeDesiredStateResponse::default());
        }
        let result = match target::of(req.state.as_known()) {
            Ok(target) => carry_out(db, &ctx, &key, target).await,
            Err(fault) => Err(fault.into()),
        };
        if result.as_ref().is_err_and(ran_out_of_retries) {
            // The database was away for longer than the step waits. The schedule is still the newest one and nobody
            // else would carry it out.
            ctx.object_client::<DeploymentClient>(&key)
                .change_desired_state(req.clone())
                .send_after(AGAIN_AFTER);
        } else {
            // The object is exclusive, so the nonce is still the one read above.
            ctx.clear(state::TRANSITION);
        }
        result.map(|()| ChangeDesiredStateResponse::default())
    })
    .await
}

/// Writes the change now, or says why it is refused.
pub(crate) async fn carry_out(
    db: &Db,
    ctx: &ObjectContext<'_>,
    key: &str,
    target: Target,
) -> Result<(), Stop> {
    let outcome = durable::run!(
        ctx,
        steps::APPLY,
        Preset::Database,
        apply::transition(db, key, target)
    )?;
    match outcome {
        Outcome::Current => {
            let text = format!(
                "Deployment {key} serves production and cannot be put to {}. Promote another one first.",
                target.state
            );
            Err(Stop::fault(codes::CURRENT_DEPLOYMENT, text))
        }
        Outcome::OverCpu(want, have) => Err(over_quota(key, "CPU", want, have, "millicores")),
        Outcome::OverMemory(want, have) => Err(over_quota(key, "memory", want, have, "MiB")),
        Outcome::NoQuota => {
            let text = format!(
                "Deployment {key} cannot run again: the workspace has no quota. Contact support to have one set."
            );
            Err(Stop::fault(codes::NO_QUOTA, text))
        }
        Outcome::Missing => {
            tracing::info!("the deployment was deleted before its change was due");
            Ok(())
        }
        Outcome::Changed | Outcome::Unchanged => Ok(()),
    }
}

fn over_quota(key: &str, what: &str, want: i64, have: i64, unit: &str) -> Stop {
    let text = format!(
        "Deployment {key} sleeps on: running, the workspace's {what} quota would be exceeded ({want} of {have} {unit}). \
         No traffic was moved. Stop another deployment, lower the replicas, or ask for a larger quota."
    );
    Stop::fault(codes::WAKE_OVER_QUOTA, text)
}

/// Whether Restate gave up on a step, as opposed to an error of ours or a cancellation.
fn ran_out_of_retries(stop: &Stop) -> bool {
    match stop {
        Stop::Ended(e) => {
            !stop.is_cancelled()
                && !codes::ALL
                    .iter()
                    .any(|code| e.message().starts_with(code.id))
        }
        Stop::Terminal(_) | Stop::Retry(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::ran_out_of_retries;
    use durable::{Stop, codes};
    use restate_sdk::errors::TerminalError;

    #[test]
    fn only_an_exhausted_step_keeps_the_schedule() {
        assert!(ran_out_of_retries(&Stop::Ended(TerminalError::new(
            "pool timed out"
        ))));
        assert!(!ran_out_of_retries(&Stop::Ended(
            TerminalError::new_with_code(409, "cancelled")
        )));
        assert!(!ran_out_of_retries(&Stop::Ended(
            TerminalError::new_with_code(500, "CW0028: bad data")
        )));
        assert!(!ran_out_of_retries(&Stop::fault(
            codes::CURRENT_DEPLOYMENT,
            "current"
        )));
    }
}
