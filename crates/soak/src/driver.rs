//! A small service that asks the ingress-private DeploymentService for standby, the way idle scale-down does.
//!
//! Only here because nobody counts requests in this world, so that the real sweep would refuse. Not for anything
//! the control API can do itself.

use deployment_client::DeploymentClient;
use messages::hydra::v1 as msg;
use restate_sdk::endpoint::Endpoint;
use restate_sdk::prelude::*;

/// Name of the service.
pub(crate) const SERVICE: &str = "soak.Driver";

pub(crate) struct Driver;

#[restate_sdk::service(name = "soak.Driver")]
impl Driver {
    /// Puts a deployment to standby at once.
    #[handler(name = "Standby")]
    async fn standby(&self, ctx: Context<'_>, deployment_id: String) -> HandlerResult<()> {
        let request = msg::ScheduleDesiredStateChangeRequest {
            delay_millis: 0,
            state: msg::DeploymentDesiredState::DEPLOYMENT_DESIRED_STATE_STANDBY.into(),
        };
        ctx.object_client::<DeploymentClient<'_>>(&deployment_id)
            .schedule_desired_state_change(request)
            .call()
            .await?;
        Ok(())
    }
}

/// What is served.
pub(crate) fn endpoint() -> Endpoint {
    Endpoint::builder().bind(Driver).build()
}
