//! Handler `Rollback`: gives the live traffic back to an earlier deployment and freezes automatic promotion. The
//! source keeps running, so that rolling forward is instant.

use crate::promote::swap;
use crate::{Deps, names, target, wake};
use durable::{Preset, Stop, codes};
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;

pub(crate) async fn rollback(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    req: msg::RollbackRequest,
) -> Result<msg::RollbackResponse, Stop> {
    let (from, to) = (
        req.source_deployment_id.as_str(),
        req.target_deployment_id.as_str(),
    );
    if from.is_empty() || to.is_empty() {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            "`source_deployment_id` and `target_deployment_id` are both required.",
        ));
    }
    if from == to {
        return Err(Stop::fault(
            codes::SAME_DEPLOYMENT,
            "Source and target are the same deployment. Choose an earlier one as target.",
        ));
    }
    let (source, target) = durable::run!(ctx, names::LOAD_TARGET, Preset::Database, async {
        Ok::<_, Stop>((
            target::load(&deps.db, from).await?,
            target::load(&deps.db, to).await?,
        ))
    })?;
    target::check_rollback(&source, &target)?;
    // Also cancels a standby that is pending for the target, before any route moves.
    wake::ensure_awake(deps, ctx, &target).await?;
    swap(ctx, &target, true, true)
        .await
        .inspect_err(|_| wake::restore_sleep(deps, ctx, &target))?;
    Ok(msg::RollbackResponse {})
}
