//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.GitHubCommentService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[Handler {
    name: "SetRow",
    kind: HandlerKind::Exclusive,
    private: true,
}];

/// The one comment on a pull request that tells of all its deployments. Key: `owner/name#number`.
pub trait GitHubCommentBackend: Send + Sync + 'static {
    /// Puts a line into the comment's table, in place of the one with the same name; writes the comment where there is none.
    fn set_row<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::SetCommentRowRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::SetCommentRowResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct GitHubCommentService<B>(pub B);

/// The one comment on a pull request that tells of all its deployments. Key: `owner/name#number`.
#[restate_sdk::object(name = "hydra.v1.GitHubCommentService", ingress_private)]
impl<B: GitHubCommentBackend> GitHubCommentService<B> {
    /// Puts a line into the comment's table, in place of the one with the same name; writes the comment where there is none.
    #[handler(name = "SetRow")]
    async fn set_row<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::SetCommentRowRequest,
    ) -> HandlerResult<messages::hydra::v1::SetCommentRowResponse> {
        self.0.set_row(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl GitHubCommentBackend for Contract {
    async fn set_row<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::SetCommentRowRequest,
    ) -> HandlerResult<messages::hydra::v1::SetCommentRowResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type GitHubCommentClient<'ctx> = GitHubCommentServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type GitHubCommentIngress<E> = GitHubCommentServiceIngressClient<Contract, E>;
