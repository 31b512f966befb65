//! Backends that answer at once.

use deploy_client::{DeployBackend, DeployClient};
use messages::hydra::v1::*;
use openapi_client::{OpenapiBackend, OpenapiClient};
use restate_sdk::prelude::*;
use routing_client::RoutingBackend;
use versioning_client::{VersioningBackend, VersioningClient};

/// Wakes a deployment by asking the two other services first.
pub(crate) struct Fake;

impl DeployBackend for Fake {
    async fn deploy<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: DeployRequest,
    ) -> HandlerResult<DeployResponse> {
        Ok(DeployResponse::default())
    }
    async fn rollback<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: RollbackRequest,
    ) -> HandlerResult<RollbackResponse> {
        Ok(RollbackResponse::default())
    }
    async fn promote<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: PromoteRequest,
    ) -> HandlerResult<PromoteResponse> {
        Ok(PromoteResponse::default())
    }
    async fn scale_down_idle_preview_deployments<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: ScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<ScaleDownIdlePreviewDeploymentsResponse> {
        Ok(ScaleDownIdlePreviewDeploymentsResponse::default())
    }
    async fn wake_deployment<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: WakeDeploymentRequest,
    ) -> HandlerResult<WakeDeploymentResponse> {
        ctx.object_client::<VersioningClient>("rgn_1")
            .next_version(NextVersionRequest {})
            .call()
            .await?;
        ctx.service_client::<OpenapiClient>()
            .scrape_spec(ScrapeSpecRequest {
                deployment_id: req.deployment_id,
            })
            .send()
            .await?;
        ctx.object_client::<DeployClient>(ctx.key())
            .promote(PromoteRequest::default())
            .send()
            .await?;
        Ok(WakeDeploymentResponse::default())
    }
    async fn notify_instances_ready<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: NotifyInstancesReadyRequest,
    ) -> HandlerResult<NotifyInstancesReadyResponse> {
        Ok(NotifyInstancesReadyResponse { resolved: true })
    }
}

impl VersioningBackend for Fake {
    async fn next_version<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: NextVersionRequest,
    ) -> HandlerResult<NextVersionResponse> {
        Ok(NextVersionResponse { version: 1 })
    }
    async fn get_version<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: GetVersionRequest,
    ) -> HandlerResult<GetVersionResponse> {
        Ok(GetVersionResponse::default())
    }
}

impl OpenapiBackend for Fake {
    async fn scrape_spec<'a>(
        &'a self,
        _: Context<'a>,
        _: ScrapeSpecRequest,
    ) -> HandlerResult<ScrapeSpecResponse> {
        Ok(ScrapeSpecResponse::default())
    }
}

impl RoutingBackend for Fake {
    async fn assign_frontline_routes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: AssignFrontlineRoutesRequest,
    ) -> HandlerResult<AssignFrontlineRoutesResponse> {
        Ok(AssignFrontlineRoutesResponse::default())
    }
    async fn swap_live_deployment<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: SwapLiveDeploymentRequest,
    ) -> HandlerResult<SwapLiveDeploymentResponse> {
        Ok(SwapLiveDeploymentResponse::default())
    }
    async fn upsert_routes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: UpsertRoutesRequest,
    ) -> HandlerResult<UpsertRoutesResponse> {
        Ok(UpsertRoutesResponse::default())
    }
    async fn finish_deployment<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: FinishDeploymentRequest,
    ) -> HandlerResult<FinishDeploymentResponse> {
        Ok(FinishDeploymentResponse::default())
    }
    async fn withdraw_routes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: WithdrawRoutesRequest,
    ) -> HandlerResult<WithdrawRoutesResponse> {
        Ok(WithdrawRoutesResponse::default())
    }
}
