//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.QuotaCheckService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[Handler {
    name: "RunCheck",
    kind: HandlerKind::Exclusive,
    private: false,
}];

/// Tells which workspaces are above their monthly quota. Key: the month, `YYYY-MM`.
pub trait QuotaCheckBackend: Send + Sync + 'static {
    /// Checks all workspaces once.
    fn run_check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunCheckRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RunCheckResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct QuotaCheckService<B>(pub B);

/// Tells which workspaces are above their monthly quota. Key: the month, `YYYY-MM`.
#[restate_sdk::object(name = "hydra.v1.QuotaCheckService")]
impl<B: QuotaCheckBackend> QuotaCheckService<B> {
    /// Checks all workspaces once.
    #[handler(name = "RunCheck")]
    async fn run_check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunCheckRequest,
    ) -> HandlerResult<messages::hydra::v1::RunCheckResponse> {
        self.0.run_check(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl QuotaCheckBackend for Contract {
    async fn run_check<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RunCheckRequest,
    ) -> HandlerResult<messages::hydra::v1::RunCheckResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type QuotaCheckClient<'ctx> = QuotaCheckServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type QuotaCheckIngress<E> = QuotaCheckServiceIngressClient<Contract, E>;
