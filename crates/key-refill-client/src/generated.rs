//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.KeyRefillService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "RunRefill",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "RefillRange",
        kind: HandlerKind::Exclusive,
        private: true,
    },
];

/// Refills the remaining requests of keys. Key: the date, `YYYY-MM-DD`, anything behind a further `-` ignored.
pub trait KeyRefillBackend: Send + Sync + 'static {
    /// Refills every key that is due on the date, once.
    fn run_refill<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunRefillRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RunRefillResponse>> + Send + 'a;
    /// Refills what is due among a range of rows, for a bounded time; RunRefill of a large population calls it.
    fn refill_range<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RefillRangeRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RefillRangeResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct KeyRefillService<B>(pub B);

/// Refills the remaining requests of keys. Key: the date, `YYYY-MM-DD`, anything behind a further `-` ignored.
#[restate_sdk::object(name = "hydra.v1.KeyRefillService")]
impl<B: KeyRefillBackend> KeyRefillService<B> {
    /// Refills every key that is due on the date, once.
    #[handler(name = "RunRefill")]
    async fn run_refill<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunRefillRequest,
    ) -> HandlerResult<messages::hydra::v1::RunRefillResponse> {
        self.0.run_refill(ctx, req).await
    }
    /// Refills what is due among a range of rows, for a bounded time; RunRefill of a large population calls it.
    #[handler(name = "RefillRange", ingress_private)]
    async fn refill_range<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RefillRangeRequest,
    ) -> HandlerResult<messages::hydra::v1::RefillRangeResponse> {
        self.0.refill_range(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl KeyRefillBackend for Contract {
    async fn run_refill<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RunRefillRequest,
    ) -> HandlerResult<messages::hydra::v1::RunRefillResponse> {
        match *self {}
    }
    async fn refill_range<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RefillRangeRequest,
    ) -> HandlerResult<messages::hydra::v1::RefillRangeResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type KeyRefillClient<'ctx> = KeyRefillServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type KeyRefillIngress<E> = KeyRefillServiceIngressClient<Contract, E>;
