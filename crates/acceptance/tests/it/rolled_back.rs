//! Rollback and the freeze after it.

use crate::traffic::{asleep, live_routes_point_to, scheduled};
use crate::world::{World, execute};
use edge_sim::Behaviour;
use intent::NewDeployment;
use serde_json::json;
use std::time::Duration;

#[test]
fn dep_46_confirming_a_rollback_releases_exactly_the_one_rolled_back_from() {
    testbed::scenario!("DEP-46");
    testbed::run(async {
        let w = World::new(1).await;
        let good = w.deploy_production().await;
        let bad = w.deploy_production().await;
        w.rollback(&bad, &good).await.expect("rollback");
        // A newer deployment that is not live must not be taken for the one rolled back from.
        let newer = w.deploy_production().await;
        let routes = w.routes().await;
        w.promote(&good).await.expect("confirm");
        assert_eq!(w.pointer().await, (Some(good.clone()), false));
        assert_eq!(w.routes().await, routes, "no route moves");
        scheduled(&w, &bad, Some(2)).await;
        assert!(w.transition(&newer).await.is_null());
        w.end(&[&good, &bad, &newer]).await;
    });
}

#[test]
fn confirming_a_rollback_with_nothing_to_release_succeeds() {
    testbed::run(async {
        let w = World::new(1).await;
        let only = w.deploy_production().await;
        // As an app looks that was rolled back by the worker before this one, whose source is gone.
        execute(
            &w.bound.db,
            "UPDATE apps SET is_rolled_back = 1 WHERE id = ?",
            [w.app.app_id.as_str().into()],
        )
        .await;
        w.promote(&only).await.expect("confirm");
        assert_eq!(w.pointer().await, (Some(only.clone()), false));
        w.end(&[&only]).await;
    });
}

#[test]
fn dep_47_rollback_moves_traffic_back_and_keeps_the_source_running() {
    testbed::scenario!("DEP-47");
    testbed::run(async {
        let w = World::new(2).await;
        let target = w.deploy_production().await;
        let source = w.deploy_production().await;
        scheduled(&w, &target, Some(2)).await;
        w.rollback(&source, &target).await.expect("rollback");
        assert_eq!(w.pointer().await, (Some(target.clone()), true));
        live_routes_point_to(&w, &target).await;
        scheduled(&w, &target, None).await;
        assert!(w.transition(&source).await.is_null());
        tokio::time::sleep(crate::world::timings().standby_delay + Duration::from_secs(1)).await;
        for id in [&target, &source] {
            assert!(
                w.topology(id).await.iter().all(|t| t.1 == "running"),
                "{id}"
            );
        }
        w.end(&[&target, &source]).await;
    });
}

#[test]
fn a_refused_promote_gives_the_standby_back_while_the_app_is_rolled_back() {
    testbed::run(async {
        let w = World::new(1).await;
        let replaced = w.deploy_production().await;
        let good = w.deploy_production().await;
        let bad = w.deploy_production().await;
        w.rollback(&bad, &good).await.expect("rollback");
        execute(
            &w.bound.db,
            "UPDATE frontline_routes SET sticky = 'none' WHERE app_id = ?",
            [w.app.app_id.as_str().into()],
        )
        .await;
        // So that it does not sleep yet, however long this took.
        let wake = json!({ "deploymentId": replaced });
        w.call("WakeDeployment", &wake).await.expect("it runs");
        for id in [&bad, &replaced] {
            let error = w.promote(id).await.expect_err("no route to move");
            assert!(error.to_string().contains("CW0014"), "{error}");
        }
        assert_eq!(w.pointer().await, (Some(good.clone()), true));
        asleep(&w, &replaced).await;
        // What traffic was rolled back from stays up.
        assert!(w.transition(&bad).await.is_null());
        assert!(w.topology(&bad).await.iter().all(|t| t.1 == "running"));
        w.end(&[&replaced, &good, &bad]).await;
    });
}

#[test]
fn dep_22_while_rolled_back_a_deployment_takes_the_environment_name_only() {
    testbed::scenario!("DEP-22", "RTE-12");
    testbed::run(async {
        let w = World::new(1).await;
        let (good, bad) = (w.deploy_production().await, w.deploy_production().await);
        w.rollback(&bad, &good).await.expect("rollback");
        let id = w.deploy_production().await;
        assert_eq!(w.status(&id).await, "ready");
        assert_eq!(w.pointer().await, (Some(good.clone()), true));
        assert_eq!(
            w.route_target("live", &w.app.production_environment_id)
                .await,
            good
        );
        assert_eq!(
            w.route_target("environment", &w.app.production_environment_id)
                .await,
            id
        );
        w.end(&[&good, &bad, &id]).await;
    });
}

#[test]
fn dep_23_a_rollback_while_a_deployment_waits_is_not_overwritten() {
    testbed::scenario!("DEP-23");
    testbed::run(async {
        let w = World::new(1).await;
        let (good, bad) = (w.deploy_production().await, w.deploy_production().await);
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        w.agents[0].behave_for(&id, Behaviour::never_ready());
        w.send(&id, "nginx:1").await;
        w.eventually_status(&id, "deploying").await;
        w.rollback(&bad, &good).await.expect("rollback");
        w.agents[0].behave_for(&id, Behaviour::ready_after(Duration::ZERO));
        w.eventually_status(&id, "ready").await;
        assert_eq!(w.pointer().await, (Some(good.clone()), true));
        assert_eq!(
            w.route_target("live", &w.app.production_environment_id)
                .await,
            good
        );
        assert!(w.transition(&good).await.is_null());
        w.end(&[&good, &bad, &id]).await;
    });
}
