//! The quota where a sleeping deployment is to run again.

use crate::traffic::{asleep, live_routes_point_to};
use crate::world::{World, text};
use intent::Quota;
use serde_json::json;

async fn quota(w: &World, cpu_millicores: u32, memory_mib: u32) {
    let quota = Quota {
        cpu_millicores,
        memory_mib,
    };
    let set = intent::set_quota(&w.bound.db, &w.app.workspace_id, quota);
    set.await.expect("a quota");
}

#[test]
fn a_deployment_is_not_woken_over_the_quota_by_wake_promote_or_rollback() {
    testbed::run(async {
        let w = World::new(2).await;
        let (sleeper, live) = (w.deploy_production().await, w.deploy_production().await);
        asleep(&w, &sleeper).await;
        let before = (
            w.pointer().await,
            w.routes().await,
            w.topology(&sleeper).await,
        );
        // Two regions with one replica each run; as much again is one millicore, then one MiB, too much.
        for (cpu, memory, what) in [(999, 1_024, "CPU"), (1_000, 1_023, "memory")] {
            quota(&w, cpu, memory).await;
            let wake = json!({ "deploymentId": sleeper });
            for refused in [
                w.promote(&sleeper).await.map(drop),
                w.rollback(&live, &sleeper).await.map(drop),
                w.call("WakeDeployment", &wake).await.map(drop),
            ] {
                let error = refused.expect_err("no room");
                assert_eq!(error.status(), Some(409), "{error}");
                let text = error.to_string();
                assert!(text.contains("CW0029") && text.contains(what), "{text}");
                assert!(text.contains("No traffic was moved"), "{text}");
            }
        }
        // also after the message that puts it back to sleep
        testbed::assert_quiet(&[&sleeper]).await;
        let after = (
            w.pointer().await,
            w.routes().await,
            w.topology(&sleeper).await,
        );
        assert_eq!(after, before, "nothing moved, no version was used");
        let state = "SELECT CONCAT(desired_state, '/', status) AS t FROM deployments WHERE id = ?";
        let state = text(&w.bound.db, state, [sleeper.as_str().into()]).await;
        assert_eq!(state, "standby/stopped");
        live_routes_point_to(&w, &live).await;

        quota(&w, 1_000, 1_024).await;
        w.rollback(&live, &sleeper).await.expect("equality fits");
        assert_eq!(w.pointer().await, (Some(sleeper.clone()), true));
        w.end(&[&sleeper, &live]).await;
    });
}
