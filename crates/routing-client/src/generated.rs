//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.RoutingService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "AssignFrontlineRoutes",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "SwapLiveDeployment",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "UpsertRoutes",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "FinishDeployment",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "WithdrawRoutes",
        kind: HandlerKind::Exclusive,
        private: true,
    },
];

/// Single writer of which deployment a host name points to, of an app's live deployment and of its
/// rolled-back flag; each handler is one transaction. Key: project id.
pub trait RoutingBackend: Send + Sync + 'static {
    /// Points existing routes to a deployment; all of them or none.
    fn assign_frontline_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::AssignFrontlineRoutesRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::AssignFrontlineRoutesResponse>>
    + Send
    + 'a;
    /// Points routes to a deployment and makes it the app's live one.
    fn swap_live_deployment<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::SwapLiveDeploymentRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::SwapLiveDeploymentResponse>> + Send + 'a;
    /// Creates the routes of a new deployment that do not exist yet.
    fn upsert_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::UpsertRoutesRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::UpsertRoutesResponse>> + Send + 'a;
    /// Points routes to a deployment that is up and makes it live, unless a rollback or a newer one forbids it.
    fn finish_deployment<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::FinishDeploymentRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::FinishDeploymentResponse>> + Send + 'a;
    /// Deletes the routes of a deployment that did not come up, or the own ones of one that sleeps for good.
    fn withdraw_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::WithdrawRoutesRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::WithdrawRoutesResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct RoutingService<B>(pub B);

/// Single writer of which deployment a host name points to, of an app's live deployment and of its
/// rolled-back flag; each handler is one transaction. Key: project id.
#[restate_sdk::object(name = "hydra.v1.RoutingService", ingress_private)]
impl<B: RoutingBackend> RoutingService<B> {
    /// Points existing routes to a deployment; all of them or none.
    #[handler(name = "AssignFrontlineRoutes")]
    async fn assign_frontline_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::AssignFrontlineRoutesRequest,
    ) -> HandlerResult<messages::hydra::v1::AssignFrontlineRoutesResponse> {
        self.0.assign_frontline_routes(ctx, req).await
    }
    /// Points routes to a deployment and makes it the app's live one.
    #[handler(name = "SwapLiveDeployment")]
    async fn swap_live_deployment<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::SwapLiveDeploymentRequest,
    ) -> HandlerResult<messages::hydra::v1::SwapLiveDeploymentResponse> {
        self.0.swap_live_deployment(ctx, req).await
    }
    /// Creates the routes of a new deployment that do not exist yet.
    #[handler(name = "UpsertRoutes")]
    async fn upsert_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::UpsertRoutesRequest,
    ) -> HandlerResult<messages::hydra::v1::UpsertRoutesResponse> {
        self.0.upsert_routes(ctx, req).await
    }
    /// Points routes to a deployment that is up and makes it live, unless a rollback or a newer one forbids it.
    #[handler(name = "FinishDeployment")]
    async fn finish_deployment<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::FinishDeploymentRequest,
    ) -> HandlerResult<messages::hydra::v1::FinishDeploymentResponse> {
        self.0.finish_deployment(ctx, req).await
    }
    /// Deletes the routes of a deployment that did not come up, or the own ones of one that sleeps for good.
    #[handler(name = "WithdrawRoutes")]
    async fn withdraw_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::WithdrawRoutesRequest,
    ) -> HandlerResult<messages::hydra::v1::WithdrawRoutesResponse> {
        self.0.withdraw_routes(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl RoutingBackend for Contract {
    async fn assign_frontline_routes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::AssignFrontlineRoutesRequest,
    ) -> HandlerResult<messages::hydra::v1::AssignFrontlineRoutesResponse> {
        match *self {}
    }
    async fn swap_live_deployment<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::SwapLiveDeploymentRequest,
    ) -> HandlerResult<messages::hydra::v1::SwapLiveDeploymentResponse> {
        match *self {}
    }
    async fn upsert_routes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::UpsertRoutesRequest,
    ) -> HandlerResult<messages::hydra::v1::UpsertRoutesResponse> {
        match *self {}
    }
    async fn finish_deployment<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::FinishDeploymentRequest,
    ) -> HandlerResult<messages::hydra::v1::FinishDeploymentResponse> {
        match *self {}
    }
    async fn withdraw_routes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::WithdrawRoutesRequest,
    ) -> HandlerResult<messages::hydra::v1::WithdrawRoutesResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type RoutingClient<'ctx> = RoutingServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type RoutingIngress<E> = RoutingServiceIngressClient<Contract, E>;
