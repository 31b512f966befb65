//! What is to run has to fit into the workspace's quota.

use crate::world::*;
use faults::Cut;
use intent::Quota;
use serde_json::json;

/// Millicores and MiB of one replica in each of the two regions.
const EACH: (u32, u32) = (500, 512);

async fn quota(world: &World<'_>, cpu_millicores: u32, memory_mib: u32) {
    let quota = Quota {
        cpu_millicores,
        memory_mib,
    };
    let set = intent::set_quota(&world.db, &world.workspace_id, quota);
    set.await.expect("a quota");
}

#[test]
fn what_does_not_fit_sleeps_on_and_the_caller_hears_of_it() {
    testbed::run(async {
        let world = World::new().await;
        world.schedule(STANDBY, 0).await;
        world.becomes(ASLEEP).await;
        world.ended(1).await;
        world.schedule(ARCHIVED, 60_000).await;
        let pending = world.transition().await;
        for (cpu, memory) in [(EACH.0 - 1, EACH.1), (EACH.0, EACH.1 - 1)] {
            quota(&world, cpu, memory).await;
            let refused = world.try_schedule(json!(RUNNING), 0).await;
            let refused = refused.expect_err("no room");
            assert_eq!(refused.status(), Some(409), "{refused}");
            assert!(refused.to_string().contains("CW0029"), "{refused}");
            assert_eq!(world.picture().await, ASLEEP);
            assert_eq!(
                world.transition().await,
                pending,
                "what was scheduled stays"
            );
        }
        quota(&world, EACH.0, EACH.1).await;
        world.schedule(RUNNING, 0).await;
        let awake = "running: running 12, running 22; counters 12 22";
        assert_eq!(
            world.picture().await,
            awake,
            "equality fits; done when it answers"
        );
        assert_eq!(
            world.transition().await,
            None,
            "what was scheduled is replaced"
        );
        testbed::assert_quiet(&[&world.d1]).await;
    });
}

#[test]
fn a_later_wake_is_refused_when_it_is_due() {
    testbed::run(async {
        let world = World::new().await;
        world.schedule(STANDBY, 0).await;
        world.ended(1).await;
        quota(&world, 1, 1).await;
        world.schedule(RUNNING, 200).await;
        let last = world.ended(2).await.pop().expect("two");
        let failure = last["completion_failure"].as_str().unwrap_or_default();
        assert!(
            failure.contains("409") && failure.contains("CW0029"),
            "{last}"
        );
        assert_eq!(world.picture().await, ASLEEP);
        assert_eq!(world.transition().await, None);
    });
}

#[test]
fn a_workspace_without_quota_wakes_nothing() {
    testbed::run(async {
        let world = World::new().await;
        world.schedule(STANDBY, 0).await;
        world.ended(1).await;
        let sql = "DELETE FROM quota WHERE workspace_id = ?";
        execute(
            world.db.primary(),
            sql,
            [world.workspace_id.as_str().into()],
        )
        .await;
        let refused = world.try_schedule(json!(RUNNING), 0).await;
        let refused = refused.expect_err("no quota");
        assert!(refused.to_string().contains("CW0025"), "{refused}");
        assert_eq!(world.picture().await, ASLEEP);
    });
}

#[test]
fn two_that_race_for_the_last_room_do_not_both_get_it() {
    testbed::run(async {
        let _alone = alone().await;
        let world = World::new().await;
        for (region, version) in world.regions.iter().zip([1, 1]) {
            world.topology(&world.d9, region, version, "stopped").await;
        }
        world.schedule(STANDBY, 0).await;
        world.ended(1).await;
        quota(&world, EACH.0, EACH.1).await;
        // Both look while the quota row is held, so that neither sees what the other writes.
        let pause = world.db.begin().await.expect("begin");
        let sql = "UPDATE quota SET allocated_memory_mib_total = allocated_memory_mib_total WHERE workspace_id = ?";
        execute(&pause, sql, [world.workspace_id.as_str().into()]).await;
        let ingress = world.restate.ingress();
        let wake = |id: String| {
            let ingress = ingress.clone();
            async move {
                let body = json!({ "state": RUNNING });
                let service = deployment_client::SERVICE;
                ingress
                    .call(service, id.as_str(), "ScheduleDesiredStateChange", &body)
                    .await
            }
        };
        let both = tokio::spawn(futures::future::join(
            wake(world.d1.clone()),
            wake(world.d9.clone()),
        ));
        waits_for_a_lock(&world.db, "%FROM quota%FOR UPDATE%").await;
        pause.rollback().await.expect("rollback");
        let (one, other) = both.await.expect("no panic");
        assert_eq!(
            usize::from(one.is_ok()) + usize::from(other.is_ok()),
            1,
            "{one:?} {other:?}"
        );
    });
}

#[test]
fn a_wake_whose_answer_is_lost_is_not_refused_for_the_room_it_took_itself() {
    testbed::run(async {
        let restate = testbed::Restate::start(testbed::RestateOptions::default());
        let restate = restate.await.expect("Restate");
        let proxy = faults::serve_behind_on(&restate, endpoint(lagging().await)).await;
        let world = World::on(&restate).await;
        world.schedule(STANDBY, 0).await;
        world.ended(1).await;
        quota(&world, EACH.0, EACH.1).await;
        let service = deployment_client::SERVICE;
        let cut = Cut::run_result(service, "ScheduleDesiredStateChange", "apply");
        let cut = proxy.cut(cut.of_key(&world.d1));
        world.schedule(RUNNING, 0).await;
        assert!(cut.wait(SOON).await.is_some(), "the answer was lost");
        let awake = "running: running 12, running 22; counters 12 22";
        assert_eq!(world.picture().await, awake, "once");
    });
}
