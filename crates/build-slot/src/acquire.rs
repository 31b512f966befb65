//! Handler `AcquireOrWait`: one place per deployment, granted at once where a slot is free.

use crate::queue::Waiter;
use crate::{Deps, turn};
use durable::{Stop, codes};
use messages::hydra::v1::AcquireBuildSlotRequest;
use restate_sdk::context::ObjectContext;

pub(crate) async fn acquire(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    nonce: String,
    req: AcquireBuildSlotRequest,
) -> Result<(), Stop> {
    for (field, value) in [
        ("deployment_id", &req.deployment_id),
        ("awakeable_id", &req.awakeable_id),
        ("invocation_id", &req.invocation_id),
    ] {
        if value.is_empty() {
            return Err(Stop::fault(
                codes::INVALID_REQUEST,
                format!(
                    "`{field}` is empty. A slot is held by an invocation, for a deployment, and told through an awakeable: send all three."
                ),
            ));
        }
    }
    let mut state = turn::read(ctx).await?;
    let now = durable::now!(ctx)?;
    let waiter = Waiter {
        deployment: req.deployment_id,
        invocation: req.invocation_id,
        app: req.app_id,
        awakeable: req.awakeable_id,
        production: req.is_production,
        since: now,
    };
    let granted = state.queue.ask(waiter, now, deps.rules());
    turn::end(ctx, state, granted, nonce, deps.timings.audit_every);
    Ok(())
}
