//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.ProjectService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[Handler {
    name: "Delete",
    kind: HandlerKind::Exclusive,
    private: false,
}];

/// Deletes a project with its apps. Key: its id.
pub trait ProjectBackend: Send + Sync + 'static {
    /// Deletes what the key names.
    fn delete<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::DeleteProjectRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::DeleteProjectResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct ProjectService<B>(pub B);

/// Deletes a project with its apps. Key: its id.
#[restate_sdk::object(name = "hydra.v1.ProjectService")]
impl<B: ProjectBackend> ProjectService<B> {
    /// Deletes what the key names.
    #[handler(name = "Delete")]
    async fn delete<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::DeleteProjectRequest,
    ) -> HandlerResult<messages::hydra::v1::DeleteProjectResponse> {
        self.0.delete(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl ProjectBackend for Contract {
    async fn delete<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::DeleteProjectRequest,
    ) -> HandlerResult<messages::hydra::v1::DeleteProjectResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type ProjectClient<'ctx> = ProjectServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type ProjectIngress<E> = ProjectServiceIngressClient<Contract, E>;
