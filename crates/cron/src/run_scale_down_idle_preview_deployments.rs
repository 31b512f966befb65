//! `RunScaleDownIdlePreviewDeployments`: DeployService/ScaleDownIdlePreviewDeployments under the same key.

use deploy_client::DeployClient;
use durable::Stop;
use messages::hydra::v1::{
    RunScaleDownIdlePreviewDeploymentsResponse, ScaleDownIdlePreviewDeploymentsRequest,
};
use restate_sdk::context::{ContextClient, ObjectContext};

pub(crate) async fn run(
    ctx: &ObjectContext<'_>,
) -> Result<RunScaleDownIdlePreviewDeploymentsResponse, Stop> {
    ctx.object_client::<DeployClient<'_>>(ctx.key())
        .scale_down_idle_preview_deployments(ScaleDownIdlePreviewDeploymentsRequest::default())
        .call()
        .await?;
    Ok(RunScaleDownIdlePreviewDeploymentsResponse::default())
}
