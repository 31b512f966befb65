//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.AppService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[Handler {
    name: "Delete",
    kind: HandlerKind::Exclusive,
    private: false,
}];

/// Deletes an app with its environments. Key: its id.
pub trait AppBackend: Send + Sync + 'static {
    /// Deletes what the key names.
    fn delete<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::DeleteAppRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::DeleteAppResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct AppService<B>(pub B);

/// Deletes an app with its environments. Key: its id.
#[restate_sdk::object(name = "hydra.v1.AppService")]
impl<B: AppBackend> AppService<B> {
    /// Deletes what the key names.
    #[handler(name = "Delete")]
    async fn delete<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::DeleteAppRequest,
    ) -> HandlerResult<messages::hydra::v1::DeleteAppResponse> {
        self.0.delete(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl AppBackend for Contract {
    async fn delete<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::DeleteAppRequest,
    ) -> HandlerResult<messages::hydra::v1::DeleteAppResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type AppClient<'ctx> = AppServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type AppIngress<E> = AppServiceIngressClient<Contract, E>;
