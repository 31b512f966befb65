//! Handler `Promote`: gives a ready production deployment the live traffic, or, for the live deployment after a
//! rollback, confirms that rollback.

use crate::deploy::send_to_standby;
use crate::target::{self, Promote, Target};
use crate::{Deps, names, wake};
use durable::{Preset, Stop, codes};
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;
use routing_client::RoutingClient;

pub(crate) async fn promote(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    req: msg::PromoteRequest,
) -> Result<msg::PromoteResponse, Stop> {
    if req.target_deployment_id.is_empty() {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            "`target_deployment_id` is empty. Send the id of the deployment to promote.",
        ));
    }
    let target = durable::run!(
        ctx,
        names::LOAD_TARGET,
        Preset::Database,
        target::load(&deps.db, &req.target_deployment_id)
    )?;
    let kind = target::check_promote(&target)?;
    if kind == Promote::Move {
        wake::ensure_awake(deps, ctx, &target).await?;
    }
    let moved = swap(ctx, &target, false, kind == Promote::Move)
        .await
        .inspect_err(|_| wake::restore_sleep(deps, ctx, &target))?;
    for released in &moved.released_deployment_ids {
        send_to_standby(deps, ctx, released);
    }
    Ok(msg::PromoteResponse {})
}

/// Moves pointer, flag and, with `routes`, all sticky routes in one transaction; refused when the live deployment is
/// no longer the one this decision was made on.
pub(crate) async fn swap(
    ctx: &SharedObjectContext<'_>,
    target: &Target,
    rolled_back: bool,
    routes: bool,
) -> Result<msg::SwapLiveDeploymentResponse, Stop> {
    let request = msg::SwapLiveDeploymentRequest {
        deployment_id: target.id.clone(),
        frontline_route_ids: Vec::new(),
        set_rollback_flag: rolled_back,
        expected_current_deployment_id: target.current_deployment_id.clone(),
        all_sticky_routes: routes,
    };
    let routing = ctx.object_client::<RoutingClient<'_>>(&target.project_id);
    match routing.swap_live_deployment(request.clone()).call().await {
        // A cancellation also cancels the call, and nobody knows whether it had moved the traffic by then. Half a move
        // is worse than a late one: asked again it is made, or tells what it did.
        Err(e) if Stop::from(e.clone()).is_cancelled() => {
            Ok(routing.swap_live_deployment(request).call().await?)
        }
        answer => Ok(answer?),
    }
}
