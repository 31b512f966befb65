//! `ScheduleDesiredStateChange`: replaces whatever is scheduled by a change after a delay. A deployment that is to run
//! now is changed by the handler itself.

use crate::change_desired_state::carry_out;
use crate::state::{self, Transition};
use crate::target;
use deployment_client::{DeploymentClient, SERVICE};
use messages::hydra::v1::{
    ChangeDesiredStateRequest, ScheduleDesiredStateChangeRequest,
    ScheduleDesiredStateChangeResponse,
};
use mysql::Db;
use mysql::entity::deployments::DesiredState;
use restate_sdk::context::{ContextClient, ContextSideEffects, ContextWriteState, ObjectContext};
use restate_sdk::errors::HandlerResult;
use restate_sdk::serde::Json;
use std::time::Duration;

/// Stores a new nonce and sends the change to the object itself. What was scheduled before still arrives and finds a
/// foreign nonce.
pub(crate) async fn handler(
    db: &Db,
    mut ctx: ObjectContext<'_>,
    req: ScheduleDesiredStateChangeRequest,
) -> HandlerResult<ScheduleDesiredStateChangeResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    let nonce = ctx.rand_uuid().to_string();
    durable::handle(
        SERVICE,
        "ScheduleDesiredStateChange",
        &invocation,
        &key,
        async {
            // Before the state is touched: a refused request leaves the schedule before it alone.
            let target = target::of(req.state.as_known())?;
            let delay = target::delay(req.delay_millis)?;
            if target.state == DesiredState::Running && delay == 0 {
                // Whoever wakes a deployment waits for it and has to hear when the quota refuses. A refusal leaves what
                // was scheduled before alone.
                carry_out(db, &ctx, &key, target).await?;
                ctx.clear(state::TRANSITION);
                return Ok(ScheduleDesiredStateChangeResponse::default());
            }
            let now = durable::now!(ctx)?;
            let transition = Transition {
                nonce: nonce.clone(),
                to: req.state.to_i32(),
                due_at_ms: Some(now.saturating_add(req.delay_millis)),
                reason: None,
            };
            ctx.set(state::TRANSITION, Json(transition));
            let change = ctx
                .object_client::<DeploymentClient>(&key)
                .change_desired_state(ChangeDesiredStateRequest {
                    nonce,
                    state: req.state,
                });
            // No idempotency key: a call from inside a handler happens once, and a constant key would swallow the second
            // schedule of a deployment that is replaced twice within a day.
            if delay == 0 {
                change.send()
            } else {
                change.send_after(Duration::from_millis(delay))
            };
            Ok(ScheduleDesiredStateChangeResponse::default())
        },
    )
    .await
}
