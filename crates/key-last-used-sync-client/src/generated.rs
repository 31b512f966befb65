//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.KeyLastUsedSyncService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[Handler {
    name: "RunSync",
    kind: HandlerKind::Stateless,
    private: false,
}];

/// Copies when a key was last used from ClickHouse to MySQL.
pub trait KeyLastUsedSyncBackend: Send + Sync + 'static {
    /// Calls every partition and adds up.
    fn run_sync<'a>(
        &'a self,
        ctx: Context<'a>,
        req: messages::hydra::v1::RunSyncRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RunSyncResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct KeyLastUsedSyncService<B>(pub B);

/// Copies when a key was last used from ClickHouse to MySQL.
#[restate_sdk::service(name = "hydra.v1.KeyLastUsedSyncService")]
impl<B: KeyLastUsedSyncBackend> KeyLastUsedSyncService<B> {
    /// Calls every partition and adds up.
    #[handler(name = "RunSync")]
    async fn run_sync<'a>(
        &'a self,
        ctx: Context<'a>,
        req: messages::hydra::v1::RunSyncRequest,
    ) -> HandlerResult<messages::hydra::v1::RunSyncResponse> {
        self.0.run_sync(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl KeyLastUsedSyncBackend for Contract {
    async fn run_sync<'a>(
        &'a self,
        _: Context<'a>,
        _: messages::hydra::v1::RunSyncRequest,
    ) -> HandlerResult<messages::hydra::v1::RunSyncResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type KeyLastUsedSyncClient<'ctx> = KeyLastUsedSyncServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type KeyLastUsedSyncIngress<E> = KeyLastUsedSyncServiceIngressClient<Contract, E>;
