//! Handler `Audit`: a timer is due. Slots of invocations that are gone are taken back; with the nonce of the newest
//! timer only, so that there is one chain of them.

use crate::{Deps, steps, turn};
use durable::{Preset, Stop};
use messages::hydra::v1::AuditBuildSlotsRequest;
use restate_sdk::context::ObjectContext;
use std::collections::BTreeMap;

pub(crate) async fn audit(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    nonce: String,
    req: AuditBuildSlotsRequest,
) -> Result<(), Stop> {
    let mut state = turn::read(ctx).await?;
    if state.audit.as_deref() != Some(req.nonce.as_str()) {
        return Ok(());
    }
    state.audit = None;
    let ids = state.queue.invocations();
    let alive = durable::run!(ctx, steps::LOOK, Preset::Hint, async {
        // An unreachable server is not a lost invocation: it is asked again at the next audit.
        let known: Option<BTreeMap<String, String>> = match deps.admin.invocation_status(&ids).await
        {
            Ok(known) => Some(known),
            Err(error) => {
                tracing::warn!(%error, "holders of build slots could not be looked up");
                None
            }
        };
        Ok::<_, Stop>(known)
    })?;
    let now = durable::now!(ctx)?;
    let before = state.queue.active.len() + state.queue.waiting.len();
    let granted = state.queue.audit(alive.as_ref(), now, deps.rules());
    let dropped = before.saturating_sub(state.queue.active.len() + state.queue.waiting.len());
    if dropped > 0 {
        tracing::warn!(
            workspace = ctx.key(),
            dropped,
            "build slots of invocations that are gone were taken back"
        );
    }
    turn::end(ctx, state, granted, nonce, deps.timings.audit_every);
    Ok(())
}
