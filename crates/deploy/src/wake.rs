//! Handler `WakeDeployment`, and the same wait for promote and rollback: a sleeping deployment is told to run,
//! waited for without holding anything, and put back to sleep when it does not come up.

use crate::deploy::send_to_standby;
use crate::target::{self, Target};
use crate::wait::{self, For, Look};
use crate::{Deps, names};
use deployment_client::DeploymentClient;
use durable::{Preset, Stop, codes};
use messages::hydra::v1 as msg;
use mysql::now_ms;
use mysql::sql;
use restate_sdk::prelude::*;

pub(crate) async fn wake_deployment(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    req: msg::WakeDeploymentRequest,
) -> Result<msg::WakeDeploymentResponse, Stop> {
    if req.deployment_id.is_empty() {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            "`deployment_id` is empty. Send the id of a deployment.",
        ));
    }
    let id = req.deployment_id.as_str();
    let target = durable::run!(
        ctx,
        names::LOAD_TARGET,
        Preset::Database,
        target::load(&deps.db, id)
    )?;
    if !matches!(target.status.as_str(), "ready" | "stopped") {
        return Err(Stop::fault(
            codes::TARGET_NOT_READY,
            format!(
                "Deployment `{id}` is `{}`; only a deployment that was ready can be woken.",
                target.status
            ),
        ));
    }
    ensure_awake(deps, ctx, &target).await?;
    Ok(msg::WakeDeploymentResponse {})
}

/// Cancels a pending standby and, when the target sleeps, wakes it and waits for its minimum of replicas. On time-out, and
/// when the quota has no room for it: 409 with the reason. However it fails, the target sleeps again, at once or when it was about to.
pub(crate) async fn ensure_awake(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    target: &Target,
) -> Result<(), Stop> {
    let result = try_to_wake(deps, ctx, target).await;
    result.inspect_err(|_| restore_sleep(deps, ctx, target))
}

async fn try_to_wake(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    target: &Target,
) -> Result<(), Stop> {
    let object = ctx.object_client::<DeploymentClient<'_>>(&target.id);
    object
        .clear_scheduled_state_changes(msg::ClearScheduledStateChangesRequest {})
        .call()
        .await?;
    if !target.asleep() {
        return Ok(());
    }
    object
        .schedule_desired_state_change(now(
            msg::DeploymentDesiredState::DEPLOYMENT_DESIRED_STATE_RUNNING,
        ))
        .call()
        .await?;
    match wait::until_ready(deps, ctx, &target.id, For::Wake).await {
        Ok(Look::TimedOut(missing)) => Err(Stop::fault(
            codes::WAKE_TIMEOUT,
            format!(
                "Deployment `{}` sleeps and did not come up in time. {missing} No traffic was moved.",
                target.id
            ),
        )),
        Ok(_) => durable::run!(
            ctx,
            names::END_WAKE,
            Preset::Database,
            mark_ready(deps, &target.id)
        ),
        Err(stop) => {
            // Nobody waits any more, but the row says so and the watcher would call for ever.
            let me = ctx.invocation_id();
            durable::run!(
                ctx,
                names::FORGET_WAIT,
                Preset::Undo,
                wait::forget(deps, me)
            )?;
            Err(stop)
        }
    }
}

/// After a move that did not happen: a target that was woken sleeps again, and one whose pending standby was cleared
/// gets a new one, unless it must stay up because traffic was rolled back from it.
pub(crate) fn restore_sleep(deps: &Deps, ctx: &SharedObjectContext<'_>, target: &Target) {
    if target.was_to_sleep() {
        send_to_standby(deps, ctx, &target.id);
    } else {
        sleep_again(ctx, target);
    }
}

/// Puts a target that was woken for nothing back to sleep; does nothing for one that ran before.
fn sleep_again(ctx: &SharedObjectContext<'_>, target: &Target) {
    if target.asleep() && !target.is_current() {
        let request = now(msg::DeploymentDesiredState::DEPLOYMENT_DESIRED_STATE_STANDBY);
        let _ = ctx
            .object_client::<DeploymentClient<'_>>(&target.id)
            .schedule_desired_state_change(request)
            .send();
    }
}

fn now(state: msg::DeploymentDesiredState) -> msg::ScheduleDesiredStateChangeRequest {
    msg::ScheduleDesiredStateChangeRequest {
        delay_millis: 0,
        state: state.into(),
    }
}

/// `stopped` becomes `ready` again; any other status stays.
async fn mark_ready(deps: &Deps, id: &str) -> Result<(), Stop> {
    sql::execute(
        deps.db.primary(),
        "UPDATE deployments SET status = 'ready', updated_at = ? WHERE id = ? AND status = 'stopped' AND desired_state = 'running'",
        [now_ms().into(), id.into()],
    )
    .await?;
    Ok(())
}
