//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.ClickhouseUserService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[Handler {
    name: "ConfigureUser",
    kind: HandlerKind::Exclusive,
    private: false,
}];

/// Gives a workspace its own ClickHouse user. Key: workspace id.
pub trait ClickhouseUserBackend: Send + Sync + 'static {
    /// Creates the user or brings it up to date.
    fn configure_user<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ConfigureUserRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ConfigureUserResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct ClickhouseUserService<B>(pub B);

/// Gives a workspace its own ClickHouse user. Key: workspace id.
#[restate_sdk::object(name = "hydra.v1.ClickhouseUserService")]
impl<B: ClickhouseUserBackend> ClickhouseUserService<B> {
    /// Creates the user or brings it up to date.
    #[handler(name = "ConfigureUser")]
    async fn configure_user<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ConfigureUserRequest,
    ) -> HandlerResult<messages::hydra::v1::ConfigureUserResponse> {
        self.0.configure_user(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl ClickhouseUserBackend for Contract {
    async fn configure_user<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::ConfigureUserRequest,
    ) -> HandlerResult<messages::hydra::v1::ConfigureUserResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type ClickhouseUserClient<'ctx> = ClickhouseUserServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type ClickhouseUserIngress<E> = ClickhouseUserServiceIngressClient<Contract, E>;
