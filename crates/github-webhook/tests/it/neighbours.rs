//! The services that are sent to: they remember it, and do to the rows what a test looks at afterwards.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use deploy_client::DeployBackend;
use deployment_client::DeploymentBackend;
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;
use routing_client::RoutingBackend;
use serde_json::Value;

/// Object keys and requests by deployment.
type Sent = BTreeMap<String, Vec<(String, Value)>>;

static DEPLOYS: LazyLock<Mutex<Sent>> = LazyLock::new(Mutex::default);

/// What Deploy was sent for a deployment.
pub(crate) fn deploys(id: &str) -> Vec<(String, Value)> {
    let all = DEPLOYS.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(id).cloned().unwrap_or_default()
}

macro_rules! unused {
    ($context:ident: $($name:ident, $request:ident, $response:ident;)+) => {$(
        async fn $name<'a>(&'a self, _: $context<'a>, _: msg::$request) -> HandlerResult<msg::$response> {
            Ok(msg::$response::default())
        }
    )+};
}

pub(crate) struct Deploys;

impl DeployBackend for Deploys {
    async fn deploy<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: msg::DeployRequest,
    ) -> HandlerResult<msg::DeployResponse> {
        let request = serde_json::to_value(&req).expect("JSON");
        let mut all = DEPLOYS.lock().unwrap_or_else(PoisonError::into_inner);
        let of = all.entry(req.deployment_id).or_default();
        of.push((ctx.key().to_owned(), request));
        Ok(msg::DeployResponse::default())
    }

    unused! { SharedObjectContext:
        rollback, RollbackRequest, RollbackResponse;
        promote, PromoteRequest, PromoteResponse;
        scale_down_idle_preview_deployments, ScaleDownIdlePreviewDeploymentsRequest, ScaleDownIdlePreviewDeploymentsResponse;
        wake_deployment, WakeDeploymentRequest, WakeDeploymentResponse;
        notify_instances_ready, NotifyInstancesReadyRequest, NotifyInstancesReadyResponse;
    }
}

pub(crate) struct States;

impl DeploymentBackend for States {
    async fn schedule_desired_state_change<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::ScheduleDesiredStateChangeRequest,
    ) -> HandlerResult<msg::ScheduleDesiredStateChangeResponse> {
        let archived = msg::DeploymentDesiredState::DEPLOYMENT_DESIRED_STATE_ARCHIVED;
        assert_eq!(
            (req.delay_millis, req.state.as_known()),
            (0, Some(archived))
        );
        let sql = "UPDATE deployments SET desired_state = 'archived' WHERE id = ?";
        mysql::sql::execute(testbed::db().await.primary(), sql, [ctx.key().into()]).await?;
        Ok(msg::ScheduleDesiredStateChangeResponse::default())
    }

    unused! { ObjectContext:
        change_desired_state, ChangeDesiredStateRequest, ChangeDesiredStateResponse;
        clear_scheduled_state_changes, ClearScheduledStateChangesRequest, ClearScheduledStateChangesResponse;
    }
}

pub(crate) struct Routes;

impl RoutingBackend for Routes {
    async fn withdraw_routes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        req: msg::WithdrawRoutesRequest,
    ) -> HandlerResult<msg::WithdrawRoutesResponse> {
        let sql = "DELETE FROM frontline_routes WHERE deployment_id = ? AND sticky IN ('none', 'branch', 'deployment')";
        let id = req.deployment_id.as_str();
        mysql::sql::execute(testbed::db().await.primary(), sql, [id.into()]).await?;
        Ok(msg::WithdrawRoutesResponse::default())
    }

    unused! { ObjectContext:
        assign_frontline_routes, AssignFrontlineRoutesRequest, AssignFrontlineRoutesResponse;
        swap_live_deployment, SwapLiveDeploymentRequest, SwapLiveDeploymentResponse;
        upsert_routes, UpsertRoutesRequest, UpsertRoutesResponse;
        finish_deployment, FinishDeploymentRequest, FinishDeploymentResponse;
    }
}
