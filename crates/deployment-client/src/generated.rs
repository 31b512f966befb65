//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.DeploymentService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "ScheduleDesiredStateChange",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "ChangeDesiredState",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "ClearScheduledStateChanges",
        kind: HandlerKind::Exclusive,
        private: true,
    },
];

/// Single writer of one deployment's desired state; the newest schedule wins. Key: deployment id.
pub trait DeploymentBackend: Send + Sync + 'static {
    /// Replaces whatever is scheduled by a change after the delay.
    fn schedule_desired_state_change<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ScheduleDesiredStateChangeRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ScheduleDesiredStateChangeResponse>>
    + Send
    + 'a;
    /// Sent by the service to itself when a schedule is due; acts only with the nonce of the newest schedule.
    fn change_desired_state<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ChangeDesiredStateRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ChangeDesiredStateResponse>> + Send + 'a;
    /// Drops whatever is scheduled; the state itself stays.
    fn clear_scheduled_state_changes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ClearScheduledStateChangesRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ClearScheduledStateChangesResponse>>
    + Send
    + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct DeploymentService<B>(pub B);

/// Single writer of one deployment's desired state; the newest schedule wins. Key: deployment id.
#[restate_sdk::object(name = "hydra.v1.DeploymentService", ingress_private)]
impl<B: DeploymentBackend> DeploymentService<B> {
    /// Replaces whatever is scheduled by a change after the delay.
    #[handler(name = "ScheduleDesiredStateChange")]
    async fn schedule_desired_state_change<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ScheduleDesiredStateChangeRequest,
    ) -> HandlerResult<messages::hydra::v1::ScheduleDesiredStateChangeResponse> {
        self.0.schedule_desired_state_change(ctx, req).await
    }
    /// Sent by the service to itself when a schedule is due; acts only with the nonce of the newest schedule.
    #[handler(name = "ChangeDesiredState")]
    async fn change_desired_state<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ChangeDesiredStateRequest,
    ) -> HandlerResult<messages::hydra::v1::ChangeDesiredStateResponse> {
        self.0.change_desired_state(ctx, req).await
    }
    /// Drops whatever is scheduled; the state itself stays.
    #[handler(name = "ClearScheduledStateChanges")]
    async fn clear_scheduled_state_changes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ClearScheduledStateChangesRequest,
    ) -> HandlerResult<messages::hydra::v1::ClearScheduledStateChangesResponse> {
        self.0.clear_scheduled_state_changes(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl DeploymentBackend for Contract {
    async fn schedule_desired_state_change<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::ScheduleDesiredStateChangeRequest,
    ) -> HandlerResult<messages::hydra::v1::ScheduleDesiredStateChangeResponse> {
        match *self {}
    }
    async fn change_desired_state<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::ChangeDesiredStateRequest,
    ) -> HandlerResult<messages::hydra::v1::ChangeDesiredStateResponse> {
        match *self {}
    }
    async fn clear_scheduled_state_changes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::ClearScheduledStateChangesRequest,
    ) -> HandlerResult<messages::hydra::v1::ClearScheduledStateChangesResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type DeploymentClient<'ctx> = DeploymentServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type DeploymentIngress<E> = DeploymentServiceIngressClient<Contract, E>;
