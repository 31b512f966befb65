//! `hydra.v1.DeploymentService`: the single writer of one deployment's desired state, now or later.
//!
//! A change is scheduled as a delayed message to the object itself; a nonce in the object's state says which message
//! may still act, so the newest schedule wins and a cleared one does nothing. Not for waiting until a change took
//! effect, and not for `deployments.status`: both belong to whoever asked.

mod apply;
mod change_desired_state;
mod clear_scheduled_state_changes;
mod schedule_desired_state_change;
mod state;
mod steps;
mod target;

use deployment_client::DeploymentBackend;
use messages::hydra::v1::{
    ChangeDesiredStateRequest, ChangeDesiredStateResponse, ClearScheduledStateChangesRequest,
    ClearScheduledStateChangesResponse, ScheduleDesiredStateChangeRequest,
    ScheduleDesiredStateChangeResponse,
};
use mysql::Db;
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;

/// The service. The key of an object is a deployment id.
#[derive(Clone, Debug)]
pub struct Deployment {
    db: Db,
}

impl Deployment {
    /// Changes deployments in this database.
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

impl DeploymentBackend for Deployment {
    async fn schedule_desired_state_change<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: ScheduleDesiredStateChangeRequest,
    ) -> HandlerResult<ScheduleDesiredStateChangeResponse> {
        schedule_desired_state_change::handler(&self.db, ctx, req).await
    }

    async fn change_desired_state<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: ChangeDesiredStateRequest,
    ) -> HandlerResult<ChangeDesiredStateResponse> {
        change_desired_state::handler(&self.db, ctx, req).await
    }

    async fn clear_scheduled_state_changes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: ClearScheduledStateChangesRequest,
    ) -> HandlerResult<ClearScheduledStateChangesResponse> {
        clear_scheduled_state_changes::handler(ctx).await
    }
}
