//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.VersioningService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "NextVersion",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "GetVersion",
        kind: HandlerKind::Shared,
        private: true,
    },
];

/// The counter an edge agent follows. Key: region id.
pub trait VersioningBackend: Send + Sync + 'static {
    /// Draws the next number; never the same twice.
    fn next_version<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::NextVersionRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::NextVersionResponse>> + Send + 'a;
    /// Reads the last number drawn.
    fn get_version<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::GetVersionRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::GetVersionResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct VersioningService<B>(pub B);

/// The counter an edge agent follows. Key: region id.
#[restate_sdk::object(name = "hydra.v1.VersioningService", ingress_private)]
impl<B: VersioningBackend> VersioningService<B> {
    /// Draws the next number; never the same twice.
    #[handler(name = "NextVersion")]
    async fn next_version<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::NextVersionRequest,
    ) -> HandlerResult<messages::hydra::v1::NextVersionResponse> {
        self.0.next_version(ctx, req).await
    }
    /// Reads the last number drawn.
    #[handler(name = "GetVersion")]
    async fn get_version<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::GetVersionRequest,
    ) -> HandlerResult<messages::hydra::v1::GetVersionResponse> {
        self.0.get_version(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl VersioningBackend for Contract {
    async fn next_version<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::NextVersionRequest,
    ) -> HandlerResult<messages::hydra::v1::NextVersionResponse> {
        match *self {}
    }
    async fn get_version<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: messages::hydra::v1::GetVersionRequest,
    ) -> HandlerResult<messages::hydra::v1::GetVersionResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type VersioningClient<'ctx> = VersioningServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type VersioningIngress<E> = VersioningServiceIngressClient<Contract, E>;
