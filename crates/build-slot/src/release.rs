//! Handler `Release`: the slot or the place in the queue is given back, and whoever is next is told.

use crate::{Deps, turn};
use durable::{Stop, codes};
use messages::hydra::v1::ReleaseBuildSlotRequest;
use restate_sdk::context::ObjectContext;

pub(crate) async fn release(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    nonce: String,
    req: ReleaseBuildSlotRequest,
) -> Result<(), Stop> {
    if req.deployment_id.is_empty() {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            "`deployment_id` is empty. Send the deployment whose slot is given back.",
        ));
    }
    let mut state = turn::read(ctx).await?;
    let now = durable::now!(ctx)?;
    let granted = state.queue.give_back(&req.deployment_id, now, deps.rules());
    turn::end(ctx, state, granted, nonce, deps.timings.audit_every);
    Ok(())
}
