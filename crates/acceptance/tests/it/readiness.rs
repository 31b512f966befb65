//! When a deployment counts as up, and how it waits for that.

use crate::world::{World, execute, number, told};
use edge_sim::Behaviour;
use intent::{Autoscaling, NewDeployment};
use serde_json::json;
use std::time::{Duration, Instant};

fn behind(millis: u64) -> Behaviour {
    Behaviour::ready_after(Duration::from_millis(millis))
}

#[test]
fn dep_15_two_of_three_regions_suffice_and_none_of_one_does_not() {
    testbed::scenario!("DEP-15", "EDG-2");
    testbed::run(async {
        let w = World::new(3).await;
        w.behave(1, Behaviour::never_ready());
        let id = w.deploy_production().await;
        assert_eq!(w.status(&id).await, "ready");
        w.end(&[&id]).await;
    });
}

#[test]
fn edg_3_a_single_region_that_stays_down_fails_the_deployment_at_its_deadline() {
    testbed::scenario!("DEP-15", "EDG-3");
    testbed::run(async {
        let w = World::new(1).await;
        intent::connect_repository(&w.bound.db, &w.app, 4711, 99, "acme/api")
            .await
            .expect("connect");
        w.behave(0, Behaviour::down());
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        let started = Instant::now();
        let error = w.deploy(&id, "nginx:1").await.expect_err("never healthy");
        assert!(
            started.elapsed() >= crate::world::timings().ready_timeout,
            "not before the deadline"
        );
        assert!(error.to_string().contains("CW0009"), "{error}");
        assert_eq!(w.status(&id).await, "failed");
        assert!(w.topology(&id).await.iter().all(|t| t.1 == "stopped"));
        let steps = w.steps(&id).await;
        let last = steps.last().expect("steps");
        assert_eq!(last.0, "deploying");
        assert!(
            last.2
                .as_deref()
                .unwrap_or_default()
                .contains("0 of 1 running"),
            "{steps:?}"
        );
        testbed::eventually(Duration::from_secs(5), || async {
            let told = told(&id);
            (told.last().map(String::as_str) == Some("FAILURE deployment failed"))
                .then_some(())
                .ok_or(told)
        })
        .await;
        w.end(&[&id]).await;
    });
}

#[test]
fn edg_4_of_two_regions_one_suffices() {
    testbed::scenario!("EDG-4");
    testbed::run(async {
        let w = World::new(2).await;
        w.behave(0, Behaviour::down());
        let id = w.deploy_production().await;
        assert_eq!(w.status(&id).await, "ready");
        w.end(&[&id]).await;
    });
}

#[test]
fn edg_1_the_wait_ends_soon_after_the_last_report() {
    testbed::scenario!("EDG-1");
    testbed::run(async {
        let w = World::with(2, |f| {
            f.policy(0, Autoscaling::replicas(2, 3))
                .policy(1, Autoscaling::replicas(2, 3))
        })
        .await;
        (0..2).for_each(|r| w.behave(r, behind(2_000)));
        let started = Instant::now();
        let id = w.deploy_production().await;
        assert!(
            started.elapsed() >= Duration::from_millis(2_000),
            "not before the instances run"
        );
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "{:?}",
            started.elapsed()
        );
        let running =
            "SELECT COUNT(*) AS n FROM instances WHERE deployment_id = ? AND status = 'running'";
        assert!(number(&w.bound.db, running, [id.as_str().into()]).await >= 2);
        w.end(&[&id]).await;
    });
}

#[test]
fn dep_16_a_region_below_its_minimum_is_not_healthy() {
    testbed::scenario!("DEP-16");
    testbed::run(async {
        let w = World::with(1, |f| f.policy(0, Autoscaling::replicas(2, 2))).await;
        w.behave(
            0,
            Behaviour {
                partial: Some(1),
                ..behind(0)
            },
        );
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        w.send(&id, "nginx:1").await;
        testbed::eventually(Duration::from_secs(10), || async {
            let n = number(&w.bound.db, "SELECT COUNT(*) AS n FROM instances WHERE deployment_id = ? AND status = 'running'", [id.as_str().into()]).await;
            (n == 1).then_some(()).ok_or(n)
        })
        .await;
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert_eq!(w.status(&id).await, "deploying", "one of two is not enough");
        w.behave(0, behind(0));
        w.agents[0].resync();
        w.eventually_status(&id, "ready").await;
        w.end(&[&id]).await;
    });
}

#[test]
fn dep_17_the_deadline_is_drawn_once_and_kept_over_retries() {
    testbed::scenario!("DEP-17");
    testbed::run(async {
        let w = World::new(1).await;
        w.behave(0, Behaviour::never_ready());
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        let started = Instant::now();
        w.send(&id, "nginx:1").await;
        let deadline = || {
            number(
                &w.bound.db,
                "SELECT COALESCE(MAX(deadline_at), 0) AS n FROM ctrl_worker_waits WHERE deployment_id = ?",
                [id.as_str().into()],
            )
        };
        let first = testbed::eventually(Duration::from_secs(5), || async {
            let at = deadline().await;
            (at > 0).then_some(at).ok_or("not waiting yet")
        })
        .await;
        // Every wake-up replays the handler from its journal, as a restarted worker does.
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let answer = w
                .call("NotifyInstancesReady", &json!({ "deploymentId": id }))
                .await
                .expect("hint");
            assert_eq!(answer["resolved"], true);
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(deadline().await, first);
        }
        w.eventually_status(&id, "failed").await;
        let total = started.elapsed();
        let limit = crate::world::timings().ready_timeout;
        assert!(
            total >= limit && total < limit + Duration::from_secs(5),
            "{total:?}"
        );
        w.end(&[&id]).await;
    });
}

#[test]
fn edg_16_a_hint_that_never_comes_costs_no_deployment() {
    testbed::scenario!("EDG-16");
    testbed::run(async {
        // Nobody calls NotifyInstancesReady in this world: the watcher alone finds the instances.
        let w = World::new(1).await;
        w.behave(0, behind(500));
        let started = Instant::now();
        let id = w.deploy_production().await;
        assert!(
            started.elapsed() < Duration::from_secs(4),
            "{:?}",
            started.elapsed()
        );
        let hints = "SELECT COUNT(*) AS n FROM sys_invocation WHERE target_handler_name = 'NotifyInstancesReady' AND target_service_key = ";
        let sql = format!("{hints}{}", restate_api::quoted(w.key()));
        assert_eq!(w.bound.admin.query(&sql).await.expect("query")[0]["n"], 0);
        w.end(&[&id]).await;
    });
}

#[test]
fn edg_17_a_flap_is_looked_at_again_and_again_until_it_holds() {
    testbed::scenario!("EDG-17");
    testbed::run(async {
        let w = World::new(1).await;
        w.behave(0, Behaviour::never_ready());
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        w.send(&id, "nginx:1").await;
        testbed::eventually(Duration::from_secs(5), || async {
            let n = number(
                &w.bound.db,
                "SELECT COUNT(*) AS n FROM instances WHERE deployment_id = ?",
                [id.as_str().into()],
            )
            .await;
            (n > 0).then_some(()).ok_or("no instance reported")
        })
        .await;
        // A hint while nothing is healthy wakes the handler for nothing; it must wait on.
        for _ in 0..3 {
            w.call("NotifyInstancesReady", &json!({ "deploymentId": id }))
                .await
                .expect("hint");
        }
        assert_eq!(w.status(&id).await, "deploying");
        let set = "UPDATE instances SET status = ? WHERE deployment_id = ?";
        let healthy = Instant::now();
        execute(&w.bound.db, set, ["running".into(), id.as_str().into()]).await;
        w.eventually_status(&id, "ready").await;
        assert!(
            healthy.elapsed() < Duration::from_secs(4),
            "{:?}",
            healthy.elapsed()
        );
        w.end(&[&id]).await;
    });
}
