//! A running cluster changes hands: what the existing worker scheduled is carried out by this one.

use crate::world::*;
use deployment_client::{DeploymentBackend, DeploymentClient, DeploymentService, SERVICE};
use messages::hydra::v1::{
    ChangeDesiredStateRequest, ChangeDesiredStateResponse, ClearScheduledStateChangesRequest,
    ClearScheduledStateChangesResponse, ScheduleDesiredStateChangeRequest,
    ScheduleDesiredStateChangeResponse,
};
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::prelude::*;
use restate_sdk::serde::Json;
use serde_json::json;
use std::time::Duration;
use testbed::{Restate, RestateOptions};

/// Schedules as the existing worker does: two fields, no check.
struct Existing;

impl DeploymentBackend for Existing {
    async fn schedule_desired_state_change<'a>(
        &'a self,
        mut ctx: ObjectContext<'a>,
        req: ScheduleDesiredStateChangeRequest,
    ) -> HandlerResult<ScheduleDesiredStateChangeResponse> {
        let nonce = ctx.rand_uuid().to_string();
        ctx.set(
            "transition",
            Json(json!({"Nonce": nonce, "To": req.state.to_i32()})),
        );
        let delay = Duration::from_millis(u64::try_from(req.delay_millis).unwrap_or(0));
        let change = ChangeDesiredStateRequest {
            nonce,
            state: req.state,
        };
        ctx.object_client::<DeploymentClient>(ctx.key())
            .change_desired_state(change)
            .send_after(delay);
        Ok(ScheduleDesiredStateChangeResponse::default())
    }

    async fn change_desired_state<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: ChangeDesiredStateRequest,
    ) -> HandlerResult<ChangeDesiredStateResponse> {
        Err(std::io::Error::other("the existing worker is gone by now").into())
    }

    async fn clear_scheduled_state_changes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: ClearScheduledStateChangesRequest,
    ) -> HandlerResult<ClearScheduledStateChangesResponse> {
        Ok(ClearScheduledStateChangesResponse::default())
    }
}

#[test]
fn a_schedule_of_the_existing_worker_is_carried_out() {
    testbed::run(async {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let world = World::on(&restate).await;
        let existing = DeploymentService(Existing).into_service_definition();
        let existing = existing.options(ServiceOptions::new().ingress_private(false));
        let before = testbed::serve_on(&restate, Endpoint::builder().bind(existing).build()).await;
        world.schedule(STANDBY, 1_500).await;
        assert_eq!(
            world
                .transition()
                .await
                .expect("scheduled")
                .as_object()
                .map(|fields| fields.len()),
            Some(2)
        );
        drop(before);
        let _ours = testbed::serve_on(&restate, endpoint(world.db.clone())).await;
        assert_eq!(world.picture().await, UNTOUCHED);
        world.becomes(ASLEEP).await;
        world.ended(1).await;
        assert_eq!(world.transition().await, None);
        let sql = format!(
            "SELECT id FROM sys_invocation WHERE target_service_name = '{SERVICE}' AND status <> 'completed'"
        );
        assert_eq!(restate.admin().query(&sql).await.expect("query").len(), 0);
    });
}
