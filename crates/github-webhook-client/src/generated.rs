//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.GitHubWebhookService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "HandlePush",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "ClosePullRequest",
        kind: HandlerKind::Exclusive,
        private: false,
    },
];

/// Turns a push or a fork's pull request into deployments. Key: `installation id:repository id`.
pub trait GitHubWebhookBackend: Send + Sync + 'static {
    /// Makes one deployment for each app of the repository that the push concerns.
    fn handle_push<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::HandlePushRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::HandlePushResponse>> + Send + 'a;
    /// Removes the previews of a pull request that was closed, also those that are on their way.
    fn close_pull_request<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ClosePullRequestRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ClosePullRequestResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct GitHubWebhookService<B>(pub B);

/// Turns a push or a fork's pull request into deployments. Key: `installation id:repository id`.
#[restate_sdk::object(name = "hydra.v1.GitHubWebhookService")]
impl<B: GitHubWebhookBackend> GitHubWebhookService<B> {
    /// Makes one deployment for each app of the repository that the push concerns.
    #[handler(name = "HandlePush")]
    async fn handle_push<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::HandlePushRequest,
    ) -> HandlerResult<messages::hydra::v1::HandlePushResponse> {
        self.0.handle_push(ctx, req).await
    }
    /// Removes the previews of a pull request that was closed, also those that are on their way.
    #[handler(name = "ClosePullRequest")]
    async fn close_pull_request<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ClosePullRequestRequest,
    ) -> HandlerResult<messages::hydra::v1::ClosePullRequestResponse> {
        self.0.close_pull_request(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl GitHubWebhookBackend for Contract {
    async fn handle_push<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::HandlePushRequest,
    ) -> HandlerResult<messages::hydra::v1::HandlePushResponse> {
        match *self {}
    }
    async fn close_pull_request<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::ClosePullRequestRequest,
    ) -> HandlerResult<messages::hydra::v1::ClosePullRequestResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type GitHubWebhookClient<'ctx> = GitHubWebhookServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type GitHubWebhookIngress<E> = GitHubWebhookServiceIngressClient<Contract, E>;
