//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.BuildSlotService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "AcquireOrWait",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "Release",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "Audit",
        kind: HandlerKind::Exclusive,
        private: true,
    },
];

/// How many builds of a workspace run at a time. Key: workspace id.
pub trait BuildSlotBackend: Send + Sync + 'static {
    /// Asks for a slot. The awakeable is resolved with `true` at once where one is free, and otherwise when its turn comes.
    fn acquire_or_wait<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::AcquireBuildSlotRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::AcquireBuildSlotResponse>> + Send + 'a;
    /// Gives the slot back, or leaves the queue. Giving back twice changes nothing.
    fn release<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ReleaseBuildSlotRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ReleaseBuildSlotResponse>> + Send + 'a;
    /// Sent by the service to itself: takes back the slots of invocations that are gone.
    fn audit<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::AuditBuildSlotsRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::AuditBuildSlotsResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct BuildSlotService<B>(pub B);

/// How many builds of a workspace run at a time. Key: workspace id.
#[restate_sdk::object(name = "hydra.v1.BuildSlotService", ingress_private)]
impl<B: BuildSlotBackend> BuildSlotService<B> {
    /// Asks for a slot. The awakeable is resolved with `true` at once where one is free, and otherwise when its turn comes.
    #[handler(name = "AcquireOrWait")]
    async fn acquire_or_wait<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::AcquireBuildSlotRequest,
    ) -> HandlerResult<messages::hydra::v1::AcquireBuildSlotResponse> {
        self.0.acquire_or_wait(ctx, req).await
    }
    /// Gives the slot back, or leaves the queue. Giving back twice changes nothing.
    #[handler(name = "Release")]
    async fn release<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ReleaseBuildSlotRequest,
    ) -> HandlerResult<messages::hydra::v1::ReleaseBuildSlotResponse> {
        self.0.release(ctx, req).await
    }
    /// Sent by the service to itself: takes back the slots of invocations that are gone.
    #[handler(name = "Audit", ingress_private)]
    async fn audit<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::AuditBuildSlotsRequest,
    ) -> HandlerResult<messages::hydra::v1::AuditBuildSlotsResponse> {
        self.0.audit(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl BuildSlotBackend for Contract {
    async fn acquire_or_wait<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::AcquireBuildSlotRequest,
    ) -> HandlerResult<messages::hydra::v1::AcquireBuildSlotResponse> {
        match *self {}
    }
    async fn release<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::ReleaseBuildSlotRequest,
    ) -> HandlerResult<messages::hydra::v1::ReleaseBuildSlotResponse> {
        match *self {}
    }
    async fn audit<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::AuditBuildSlotsRequest,
    ) -> HandlerResult<messages::hydra::v1::AuditBuildSlotsResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type BuildSlotClient<'ctx> = BuildSlotServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type BuildSlotIngress<E> = BuildSlotServiceIngressClient<Contract, E>;
