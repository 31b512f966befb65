//! DeployService: turns a row of `deployments` into a running, routed deployment, moves live traffic between
//! deployments, wakes sleeping ones and puts idle previews to sleep. All handlers are shared: a waiting deployment
//! holds up nobody, exclusion comes from the database and from RoutingService.
//!
//! Not here: which host name points where (crate `routing`), the desired state of a deployment (crate
//! `deployment`), builds.

mod build;
mod capacity;
mod claim;
mod commit;
mod deploy;
mod hostnames;
mod image;
mod names;
mod notify;
mod phase;
mod policies;
mod promote;
mod provision;
mod ready;
mod reconcile;
mod rollback;
mod scale_down;
mod settle;
mod status;
mod target;
mod timings;
mod wait;
mod waits;
mod wake;
pub mod watch;

pub use timings::Timings;

use deploy_client::DeployBackend;
use durable::handle;
use messages::hydra::v1 as msg;
use request_counts::RequestCounts;
use restate_sdk::prelude::*;
use std::sync::Arc;
use tokio::sync::Notify;

/// Settings of the installation, as the configuration file names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `default_domain`: apex of all host names.
    pub default_domain: String,
    /// `dashboard_url`: where statuses link to.
    pub dashboard_url: String,
    /// `sentinel_image`: image of the gateways this worker provisions.
    pub sentinel_image: String,
    /// `github.allow_unauthenticated_deployments`: repositories are read as anybody may.
    pub allow_unauthenticated: bool,
}

/// Which optional services are bound in this process; a message to one that is not would wait for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// GitHubStatusService.
    pub github_status: bool,
    /// OpenapiService.
    pub openapi: bool,
    /// BuildService and BuildSlotService.
    pub builds: bool,
}

/// What DeployService needs.
#[derive(Clone)]
pub struct Deps {
    /// The database.
    pub db: mysql::Db,
    /// Installation settings.
    pub settings: Settings,
    /// Waiting times.
    pub timings: Timings,
    /// Where commits are looked up.
    pub github: github::GitHub,
    /// Optional services.
    pub neighbours: Neighbours,
    /// Source of request counts for the idle sweep.
    pub counts: Arc<dyn RequestCounts>,
    /// Rung when somebody begins to wait, so that the watcher of this process looks at once.
    pub bell: Arc<Notify>,
}

/// The service; bind it with `deploy_client::DeployService(Deploy::new(deps))`.
pub struct Deploy {
    deps: Deps,
}

impl Deploy {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

use deploy_client::SERVICE;

impl DeployBackend for Deploy {
    async fn deploy<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: msg::DeployRequest,
    ) -> HandlerResult<msg::DeployResponse> {
        handle(
            SERVICE,
            "Deploy",
            ctx.invocation_id(),
            ctx.key(),
            deploy::deploy(&self.deps, &ctx, req),
        )
        .await
    }

    async fn promote<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: msg::PromoteRequest,
    ) -> HandlerResult<msg::PromoteResponse> {
        handle(
            SERVICE,
            "Promote",
            ctx.invocation_id(),
            ctx.key(),
            promote::promote(&self.deps, &ctx, req),
        )
        .await
    }

    async fn rollback<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: msg::RollbackRequest,
    ) -> HandlerResult<msg::RollbackResponse> {
        handle(
            SERVICE,
            "Rollback",
            ctx.invocation_id(),
            ctx.key(),
            rollback::rollback(&self.deps, &ctx, req),
        )
        .await
    }

    async fn scale_down_idle_preview_deployments<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: msg::ScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<msg::ScaleDownIdlePreviewDeploymentsResponse> {
        let body = scale_down::scale_down(&self.deps, &ctx, req);
        handle(
            SERVICE,
            "ScaleDownIdlePreviewDeployments",
            ctx.invocation_id(),
            ctx.key(),
            body,
        )
        .await
    }

    async fn wake_deployment<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: msg::WakeDeploymentRequest,
    ) -> HandlerResult<msg::WakeDeploymentResponse> {
        handle(
            SERVICE,
            "WakeDeployment",
            ctx.invocation_id(),
            ctx.key(),
            wake::wake_deployment(&self.deps, &ctx, req),
        )
        .await
    }

    async fn notify_instances_ready<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: msg::NotifyInstancesReadyRequest,
    ) -> HandlerResult<msg::NotifyInstancesReadyResponse> {
        handle(
            SERVICE,
            "NotifyInstancesReady",
            ctx.invocation_id(),
            ctx.key(),
            notify::notify(&self.deps, &ctx, req),
        )
        .await
    }
}
