//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.DeployService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "Deploy",
        kind: HandlerKind::Shared,
        private: false,
    },
    Handler {
        name: "Rollback",
        kind: HandlerKind::Shared,
        private: false,
    },
    Handler {
        name: "Promote",
        kind: HandlerKind::Shared,
        private: false,
    },
    Handler {
        name: "ScaleDownIdlePreviewDeployments",
        kind: HandlerKind::Shared,
        private: false,
    },
    Handler {
        name: "WakeDeployment",
        kind: HandlerKind::Shared,
        private: false,
    },
    Handler {
        name: "NotifyInstancesReady",
        kind: HandlerKind::Shared,
        private: false,
    },
];

/// Brings a deployment up, moves production traffic between deployments and wakes sleeping ones.
/// Key: any id the caller serialises by (the control API sends the workspace's). Every handler is shared,
/// so that a deployment that waits holds up nobody.
pub trait DeployBackend: Send + Sync + 'static {
    /// Takes a pending deployment to ready, or to failed.
    fn deploy<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::DeployRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::DeployResponse>> + Send + 'a;
    /// Moves production back to an earlier deployment and pins it there.
    fn rollback<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::RollbackRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RollbackResponse>> + Send + 'a;
    /// Moves production to a deployment and removes the pin of a rollback.
    fn promote<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::PromoteRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::PromoteResponse>> + Send + 'a;
    /// Puts preview deployments without requests to sleep.
    fn scale_down_idle_preview_deployments<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::ScaleDownIdlePreviewDeploymentsRequest,
    ) -> impl Future<
        Output = HandlerResult<messages::hydra::v1::ScaleDownIdlePreviewDeploymentsResponse>,
    > + Send
    + 'a;
    /// Starts a sleeping deployment and waits for its minimum of replicas.
    fn wake_deployment<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::WakeDeploymentRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::WakeDeploymentResponse>> + Send + 'a;
    /// Tells a waiting deployment to look at its instances now.
    fn notify_instances_ready<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::NotifyInstancesReadyRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::NotifyInstancesReadyResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct DeployService<B>(pub B);

/// Brings a deployment up, moves production traffic between deployments and wakes sleeping ones.
/// Key: any id the caller serialises by (the control API sends the workspace's). Every handler is shared,
/// so that a deployment that waits holds up nobody.
#[restate_sdk::object(name = "hydra.v1.DeployService")]
impl<B: DeployBackend> DeployService<B> {
    /// Takes a pending deployment to ready, or to failed.
    #[handler(name = "Deploy")]
    async fn deploy<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::DeployRequest,
    ) -> HandlerResult<messages::hydra::v1::DeployResponse> {
        self.0.deploy(ctx, req).await
    }
    /// Moves production back to an earlier deployment and pins it there.
    #[handler(name = "Rollback")]
    async fn rollback<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::RollbackRequest,
    ) -> HandlerResult<messages::hydra::v1::RollbackResponse> {
        self.0.rollback(ctx, req).await
    }
    /// Moves production to a deployment and removes the pin of a rollback.
    #[handler(name = "Promote")]
    async fn promote<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::PromoteRequest,
    ) -> HandlerResult<messages::hydra::v1::PromoteResponse> {
        self.0.promote(ctx, req).await
    }
    /// Puts preview deployments without requests to sleep.
    #[handler(name = "ScaleDownIdlePreviewDeployments")]
    async fn scale_down_idle_preview_deployments<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::ScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<messages::hydra::v1::ScaleDownIdlePreviewDeploymentsResponse> {
        self.0.scale_down_idle_preview_deployments(ctx, req).await
    }
    /// Starts a sleeping deployment and waits for its minimum of replicas.
    #[handler(name = "WakeDeployment")]
    async fn wake_deployment<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::WakeDeploymentRequest,
    ) -> HandlerResult<messages::hydra::v1::WakeDeploymentResponse> {
        self.0.wake_deployment(ctx, req).await
    }
    /// Tells a waiting deployment to look at its instances now.
    #[handler(name = "NotifyInstancesReady")]
    async fn notify_instances_ready<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::NotifyInstancesReadyRequest,
    ) -> HandlerResult<messages::hydra::v1::NotifyInstancesReadyResponse> {
        self.0.notify_instances_ready(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl DeployBackend for Contract {
    async fn deploy<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: messages::hydra::v1::DeployRequest,
    ) -> HandlerResult<messages::hydra::v1::DeployResponse> {
        match *self {}
    }
    async fn rollback<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: messages::hydra::v1::RollbackRequest,
    ) -> HandlerResult<messages::hydra::v1::RollbackResponse> {
        match *self {}
    }
    async fn promote<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: messages::hydra::v1::PromoteRequest,
    ) -> HandlerResult<messages::hydra::v1::PromoteResponse> {
        match *self {}
    }
    async fn scale_down_idle_preview_deployments<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: messages::hydra::v1::ScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<messages::hydra::v1::ScaleDownIdlePreviewDeploymentsResponse> {
        match *self {}
    }
    async fn wake_deployment<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: messages::hydra::v1::WakeDeploymentRequest,
    ) -> HandlerResult<messages::hydra::v1::WakeDeploymentResponse> {
        match *self {}
    }
    async fn notify_instances_ready<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: messages::hydra::v1::NotifyInstancesReadyRequest,
    ) -> HandlerResult<messages::hydra::v1::NotifyInstancesReadyResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type DeployClient<'ctx> = DeployServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type DeployIngress<E> = DeployServiceIngressClient<Contract, E>;
