//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.BuildService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "Build",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "ResolveProject",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "Close",
        kind: HandlerKind::Exclusive,
        private: true,
    },
];

/// Builds the image of a deployment from its Git source. Key: deployment id.
pub trait BuildBackend: Send + Sync + 'static {
    /// Builds and pushes; answers when the image is there, or with the reason that the customer can mend.
    fn build<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::BuildRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::BuildResponse>> + Send + 'a;
    /// Sent by the service to itself, under the id of the project: the project at the builder, made where there is none.
    fn resolve_project<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ResolveBuildProjectRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ResolveBuildProjectResponse>> + Send + 'a;
    /// A build that is still open is told to the builder as cancelled, once it has stopped.
    fn close<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::CloseBuildRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::CloseBuildResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct BuildService<B>(pub B);

/// Builds the image of a deployment from its Git source. Key: deployment id.
#[restate_sdk::object(name = "hydra.v1.BuildService", ingress_private)]
impl<B: BuildBackend> BuildService<B> {
    /// Builds and pushes; answers when the image is there, or with the reason that the customer can mend.
    #[handler(name = "Build")]
    async fn build<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::BuildRequest,
    ) -> HandlerResult<messages::hydra::v1::BuildResponse> {
        self.0.build(ctx, req).await
    }
    /// Sent by the service to itself, under the id of the project: the project at the builder, made where there is none.
    #[handler(name = "ResolveProject", ingress_private)]
    async fn resolve_project<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ResolveBuildProjectRequest,
    ) -> HandlerResult<messages::hydra::v1::ResolveBuildProjectResponse> {
        self.0.resolve_project(ctx, req).await
    }
    /// A build that is still open is told to the builder as cancelled, once it has stopped.
    #[handler(name = "Close")]
    async fn close<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::CloseBuildRequest,
    ) -> HandlerResult<messages::hydra::v1::CloseBuildResponse> {
        self.0.close(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl BuildBackend for Contract {
    async fn build<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::BuildRequest,
    ) -> HandlerResult<messages::hydra::v1::BuildResponse> {
        match *self {}
    }
    async fn resolve_project<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::ResolveBuildProjectRequest,
    ) -> HandlerResult<messages::hydra::v1::ResolveBuildProjectResponse> {
        match *self {}
    }
    async fn close<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::CloseBuildRequest,
    ) -> HandlerResult<messages::hydra::v1::CloseBuildResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type BuildClient<'ctx> = BuildServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type BuildIngress<E> = BuildServiceIngressClient<Contract, E>;
