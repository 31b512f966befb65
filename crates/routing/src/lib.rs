//! `hydra.v1.RoutingService`: the single writer of which deployment a host name leads to, of an app's live
//! deployment and of its rolled-back flag.
//!
//! Every handler is one transaction that locks the app row first. The object's key (the project) only keeps callers of
//! one project in line; correctness comes from the lock, so any key will do. Not for waiting until a deployment can
//! serve, and not for putting the replaced one to sleep: the caller does both.

mod answers;
mod assign_frontline_routes;
mod finish_deployment;
mod rows;
mod rules;
mod sources;
mod steps;
mod swap_live_deployment;
mod upsert_routes;
mod withdraw_routes;

use messages::hydra::v1::{
    AssignFrontlineRoutesRequest, AssignFrontlineRoutesResponse, FinishDeploymentRequest,
    FinishDeploymentResponse, SwapLiveDeploymentRequest, SwapLiveDeploymentResponse,
    UpsertRoutesRequest, UpsertRoutesResponse, WithdrawRoutesRequest, WithdrawRoutesResponse,
};
use mysql::Db;
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use routing_client::RoutingBackend;

/// The service. The key of an object is a project id.
#[derive(Clone, Debug)]
pub struct Routing {
    db: Db,
}

impl Routing {
    /// Routes in this database.
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

impl RoutingBackend for Routing {
    async fn assign_frontline_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: AssignFrontlineRoutesRequest,
    ) -> HandlerResult<AssignFrontlineRoutesResponse> {
        assign_frontline_routes::handler(&self.db, ctx, req).await
    }

    async fn swap_live_deployment<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: SwapLiveDeploymentRequest,
    ) -> HandlerResult<SwapLiveDeploymentResponse> {
        swap_live_deployment::handler(&self.db, ctx, req).await
    }

    async fn upsert_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: UpsertRoutesRequest,
    ) -> HandlerResult<UpsertRoutesResponse> {
        upsert_routes::handler(&self.db, ctx, req).await
    }

    async fn finish_deployment<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: FinishDeploymentRequest,
    ) -> HandlerResult<FinishDeploymentResponse> {
        finish_deployment::handler(&self.db, ctx, req).await
    }

    async fn withdraw_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: WithdrawRoutesRequest,
    ) -> HandlerResult<WithdrawRoutesResponse> {
        withdraw_routes::handler(&self.db, ctx, req).await
    }
}
