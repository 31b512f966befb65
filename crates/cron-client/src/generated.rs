//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.CronService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "RunKeyLastUsedSync",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "RunKeyRefill",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "RunQuotaCheck",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "RunScaleDownIdlePreviewDeployments",
        kind: HandlerKind::Exclusive,
        private: false,
    },
];

/// The later contract's name for the scheduled jobs; each handler calls the job's own service.
/// Key: names the job and its window.
pub trait CronBackend: Send + Sync + 'static {
    /// Key `key-last-used-sync`.
    fn run_key_last_used_sync<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunKeyLastUsedSyncRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RunKeyLastUsedSyncResponse>> + Send + 'a;
    /// Key `YYYY-MM-DD`.
    fn run_key_refill<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunKeyRefillRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RunKeyRefillResponse>> + Send + 'a;
    /// Key `quota-check-YYYY-MM` or `YYYY-MM`.
    fn run_quota_check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunQuotaCheckRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RunQuotaCheckResponse>> + Send + 'a;
    /// Key `idle-preview-deployments`.
    fn run_scale_down_idle_preview_deployments<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunScaleDownIdlePreviewDeploymentsRequest,
    ) -> impl Future<
        Output = HandlerResult<messages::hydra::v1::RunScaleDownIdlePreviewDeploymentsResponse>,
    > + Send
    + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct CronService<B>(pub B);

/// The later contract's name for the scheduled jobs; each handler calls the job's own service.
/// Key: names the job and its window.
#[restate_sdk::object(name = "hydra.v1.CronService")]
impl<B: CronBackend> CronService<B> {
    /// Key `key-last-used-sync`.
    #[handler(name = "RunKeyLastUsedSync")]
    async fn run_key_last_used_sync<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunKeyLastUsedSyncRequest,
    ) -> HandlerResult<messages::hydra::v1::RunKeyLastUsedSyncResponse> {
        self.0.run_key_last_used_sync(ctx, req).await
    }
    /// Key `YYYY-MM-DD`.
    #[handler(name = "RunKeyRefill")]
    async fn run_key_refill<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunKeyRefillRequest,
    ) -> HandlerResult<messages::hydra::v1::RunKeyRefillResponse> {
        self.0.run_key_refill(ctx, req).await
    }
    /// Key `quota-check-YYYY-MM` or `YYYY-MM`.
    #[handler(name = "RunQuotaCheck")]
    async fn run_quota_check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunQuotaCheckRequest,
    ) -> HandlerResult<messages::hydra::v1::RunQuotaCheckResponse> {
        self.0.run_quota_check(ctx, req).await
    }
    /// Key `idle-preview-deployments`.
    #[handler(name = "RunScaleDownIdlePreviewDeployments")]
    async fn run_scale_down_idle_preview_deployments<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<messages::hydra::v1::RunScaleDownIdlePreviewDeploymentsResponse> {
        self.0
            .run_scale_down_idle_preview_deployments(ctx, req)
            .await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl CronBackend for Contract {
    async fn run_key_last_used_sync<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RunKeyLastUsedSyncRequest,
    ) -> HandlerResult<messages::hydra::v1::RunKeyLastUsedSyncResponse> {
        match *self {}
    }
    async fn run_key_refill<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RunKeyRefillRequest,
    ) -> HandlerResult<messages::hydra::v1::RunKeyRefillResponse> {
        match *self {}
    }
    async fn run_quota_check<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RunQuotaCheckRequest,
    ) -> HandlerResult<messages::hydra::v1::RunQuotaCheckResponse> {
        match *self {}
    }
    async fn run_scale_down_idle_preview_deployments<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RunScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<messages::hydra::v1::RunScaleDownIdlePreviewDeploymentsResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type CronClient<'ctx> = CronServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type CronIngress<E> = CronServiceIngressClient<Contract, E>;
