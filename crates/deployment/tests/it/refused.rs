//! Requests that are refused before anything is touched.

use crate::world::*;
use serde_json::{Value, json};

#[test]
fn dpl_13_an_invalid_state_or_delay_is_refused_and_schedules_nothing() {
    testbed::scenario!("DPL-13");
    testbed::run(async {
        let world = World::new().await;
        let thirty_days = 30 * 24 * 60 * 60 * 1000;
        for (state, delay) in [
            (json!("DEPLOYMENT_DESIRED_STATE_UNSPECIFIED"), 0),
            (Value::Null, 0),
            (json!(9), 0),
            (json!(STANDBY), -1),
            (json!(STANDBY), thirty_days + 1),
        ] {
            let refused = world
                .try_schedule(state.clone(), delay)
                .await
                .expect_err("refused");
            assert_eq!(refused.status(), Some(400), "{state} {delay}: {refused}");
            assert!(
                refused
                    .message()
                    .is_some_and(|text| text.starts_with("CW0001")),
                "{refused}"
            );
            assert_eq!(world.transition().await, None);
        }
        assert_eq!(
            world.changes().await,
            [] as [Value; 0],
            "no message was sent"
        );
        // what was scheduled before stays
        world.schedule(STANDBY, thirty_days).await;
        let before = world.transition().await;
        world.try_schedule(json!(0), 0).await.expect_err("refused");
        assert_eq!(world.transition().await, before);
        world.clear().await;
    });
}

#[test]
fn dpl_17_an_unknown_field_is_refused_when_strict() {
    testbed::scenario!("DPL-17");
    testbed::run(async {
        let world = World::new().await;
        messages::set_strict(true);
        for handler in [
            "ScheduleDesiredStateChange",
            "ChangeDesiredState",
            "ClearScheduledStateChanges",
        ] {
            let body = json!({"delay": 1});
            let refused = world
                .restate
                .ingress()
                .call(deployment_client::SERVICE, &*world.d1, handler, &body)
                .await;
            let refused = refused.expect_err("an unknown field");
            assert_eq!(refused.status(), Some(400), "{handler}: {refused}");
        }
        assert_eq!(world.transition().await, None);
        assert_eq!(world.picture().await, UNTOUCHED);
        testbed::assert_quiet(&[&world.d1]).await;
    });
}

#[test]
fn a_message_without_the_nonce_does_nothing_and_one_without_a_target_ends_the_schedule() {
    testbed::run(async {
        let world = World::new().await;
        let send = |body: Value| {
            let (ingress, d1) = (world.restate.ingress(), world.d1.clone());
            async move {
                ingress
                    .call(
                        deployment_client::SERVICE,
                        &*d1,
                        "ChangeDesiredState",
                        &body,
                    )
                    .await
            }
        };
        send(json!({"nonce": "stray", "state": STANDBY}))
            .await
            .expect("ignored");
        world.schedule(STANDBY, 60_000).await;
        let nonce = world.transition().await.expect("scheduled")["Nonce"].clone();
        send(json!({"nonce": "stray", "state": STANDBY}))
            .await
            .expect("ignored");
        assert!(world.transition().await.is_some());
        let refused = send(json!({"nonce": nonce})).await.expect_err("no target");
        assert_eq!(refused.status(), Some(400));
        assert_eq!(
            world.transition().await,
            None,
            "a terminal end leaves no schedule behind"
        );
        assert_eq!(world.picture().await, UNTOUCHED);
    });
}
