//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.KeyLastUsedPartitionService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[Handler {
    name: "SyncPartition",
    kind: HandlerKind::Exclusive,
    private: false,
}];

/// Copies one partition of the keys. Key: the partition's index, decimal.
pub trait KeyLastUsedPartitionBackend: Send + Sync + 'static {
    /// Continues where the last run stopped.
    fn sync_partition<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::SyncPartitionRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::SyncPartitionResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct KeyLastUsedPartitionService<B>(pub B);

/// Copies one partition of the keys. Key: the partition's index, decimal.
#[restate_sdk::object(name = "hydra.v1.KeyLastUsedPartitionService")]
impl<B: KeyLastUsedPartitionBackend> KeyLastUsedPartitionService<B> {
    /// Continues where the last run stopped.
    #[handler(name = "SyncPartition")]
    async fn sync_partition<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::SyncPartitionRequest,
    ) -> HandlerResult<messages::hydra::v1::SyncPartitionResponse> {
        self.0.sync_partition(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl KeyLastUsedPartitionBackend for Contract {
    async fn sync_partition<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::SyncPartitionRequest,
    ) -> HandlerResult<messages::hydra::v1::SyncPartitionResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type KeyLastUsedPartitionClient<'ctx> = KeyLastUsedPartitionServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type KeyLastUsedPartitionIngress<E> = KeyLastUsedPartitionServiceIngressClient<Contract, E>;
