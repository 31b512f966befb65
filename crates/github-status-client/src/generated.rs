//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.GitHubStatusService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "Init",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "ReportStatus",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "Settle",
        kind: HandlerKind::Exclusive,
        private: true,
    },
];

/// Shows a deployment's progress on GitHub; never fails its caller. Key: deployment id.
pub trait GitHubStatusBackend: Send + Sync + 'static {
    /// Creates the GitHub deployment and the pull request comment.
    fn init<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::GitHubStatusInitRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::GitHubStatusInitResponse>> + Send + 'a;
    /// Adds a state to what Init created.
    fn report_status<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::GitHubStatusReportRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::GitHubStatusReportResponse>> + Send + 'a;
    /// Sent by the service to itself: what nobody reports the end of gets the end that the deployment's row tells.
    fn settle<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::GitHubStatusSettleRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::GitHubStatusSettleResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct GitHubStatusService<B>(pub B);

/// Shows a deployment's progress on GitHub; never fails its caller. Key: deployment id.
#[restate_sdk::object(name = "hydra.v1.GitHubStatusService", ingress_private)]
impl<B: GitHubStatusBackend> GitHubStatusService<B> {
    /// Creates the GitHub deployment and the pull request comment.
    #[handler(name = "Init")]
    async fn init<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::GitHubStatusInitRequest,
    ) -> HandlerResult<messages::hydra::v1::GitHubStatusInitResponse> {
        self.0.init(ctx, req).await
    }
    /// Adds a state to what Init created.
    #[handler(name = "ReportStatus")]
    async fn report_status<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::GitHubStatusReportRequest,
    ) -> HandlerResult<messages::hydra::v1::GitHubStatusReportResponse> {
        self.0.report_status(ctx, req).await
    }
    /// Sent by the service to itself: what nobody reports the end of gets the end that the deployment's row tells.
    #[handler(name = "Settle", ingress_private)]
    async fn settle<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::GitHubStatusSettleRequest,
    ) -> HandlerResult<messages::hydra::v1::GitHubStatusSettleResponse> {
        self.0.settle(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl GitHubStatusBackend for Contract {
    async fn init<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::GitHubStatusInitRequest,
    ) -> HandlerResult<messages::hydra::v1::GitHubStatusInitResponse> {
        match *self {}
    }
    async fn report_status<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::GitHubStatusReportRequest,
    ) -> HandlerResult<messages::hydra::v1::GitHubStatusReportResponse> {
        match *self {}
    }
    async fn settle<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::GitHubStatusSettleRequest,
    ) -> HandlerResult<messages::hydra::v1::GitHubStatusSettleResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type GitHubStatusClient<'ctx> = GitHubStatusServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type GitHubStatusIngress<E> = GitHubStatusServiceIngressClient<Contract, E>;
