//! Promote, rollback, wake, and what a deployment may take while an app is rolled back.

use crate::world::{World, execute, number, text};
use edge_sim::Behaviour;
use intent::NewDeployment;
use serde_json::json;
use std::time::{Duration, Instant};

/// Waits until the schedule of a deployment is what it should be (`None`: nothing scheduled).
pub(crate) async fn scheduled(w: &World, id: &str, to: Option<u64>) {
    testbed::eventually(Duration::from_secs(5), || async {
        let t = w.transition(id).await;
        (t["To"].as_u64() == to).then_some(()).ok_or(t)
    })
    .await;
}

pub(crate) async fn live_routes_point_to(w: &World, id: &str) {
    for sticky in ["live", "environment"] {
        assert_eq!(
            w.route_target(sticky, &w.app.production_environment_id)
                .await,
            id,
            "{sticky}"
        );
    }
}

pub(crate) async fn asleep(w: &World, id: &str) {
    let sql = "SELECT CONCAT(desired_state, '/', status) AS t FROM deployments WHERE id = ?";
    testbed::eventually(Duration::from_secs(15), || async {
        let state = text(&w.bound.db, sql, [id.into()]).await;
        (state == "standby/stopped").then_some(()).ok_or(state)
    })
    .await;
}

#[test]
fn dep_43_promote_moves_routes_and_pointer_and_releases_the_one_before() {
    testbed::scenario!("DEP-43");
    testbed::run(async {
        let w = World::new(2).await;
        let target = w.deploy_production().await;
        let current = w.deploy_production().await;
        scheduled(&w, &target, Some(2)).await;
        w.promote(&target).await.expect("promote");
        assert_eq!(w.pointer().await, (Some(target.clone()), false));
        live_routes_point_to(&w, &target).await;
        scheduled(&w, &target, None).await;
        scheduled(&w, &current, Some(2)).await;
        w.end(&[&target, &current]).await;
    });
}

#[test]
fn dep_44_api_8_promote_refuses_and_changes_nothing() {
    testbed::scenario!("DEP-44", "API-8");
    testbed::run(async {
        let w = World::new(1).await;
        let refused = async |id: &str, code: &str| {
            let before = (w.pointer().await, w.routes().await);
            let error = w.promote(id).await.expect_err("refused");
            assert!(error.to_string().contains(code), "{error}");
            assert_eq!((w.pointer().await, w.routes().await), before);
            error.status()
        };
        let ready = w
            .create(&NewDeployment::production(&w.app.app_id).status("ready"))
            .await;
        assert_eq!(refused(&ready, "CW0012").await, Some(400));
        let live = w.deploy_production().await;
        let building = w
            .create(&NewDeployment::production(&w.app.app_id).status("building"))
            .await;
        assert_eq!(refused(&building, "CW0011").await, Some(400));
        assert_eq!(refused(&live, "CW0013").await, Some(400));
        assert_eq!(refused("d_nowhere", "CW0002").await, Some(404));
        let other = w.deploy_production().await;
        execute(
            &w.bound.db,
            "UPDATE frontline_routes SET sticky = 'none' WHERE app_id = ?",
            [w.app.app_id.as_str().into()],
        )
        .await;
        assert_eq!(refused(&live, "CW0014").await, Some(400));
        w.end(&[&live, &other]).await;
    });
}

#[test]
fn dep_45_a_preview_cannot_be_promoted_and_a_sleeping_target_is_woken_or_refused() {
    testbed::scenario!("DEP-45");
    testbed::run(async {
        let w = World::new(1).await;
        let sleeper = w.deploy_production().await;
        let live = w.deploy_production().await;
        let preview = w.create(&NewDeployment::preview(&w.app.app_id)).await;
        w.deploy(&preview, "nginx:1").await.expect("preview");
        let error = w.promote(&preview).await.expect_err("refused");
        assert!(
            error.status() == Some(400) && error.to_string().contains("CW0015"),
            "{error}"
        );
        assert_eq!(w.pointer().await.0, Some(live.clone()));

        asleep(&w, &sleeper).await;
        w.agents[0].behave_for(&sleeper, Behaviour::never_ready());
        let error = w.promote(&sleeper).await.expect_err("does not come up");
        assert!(
            error.status() == Some(409) && error.to_string().contains("CW0019"),
            "{error}"
        );
        assert_eq!(
            w.pointer().await.0,
            Some(live.clone()),
            "production untouched"
        );
        live_routes_point_to(&w, &live).await;
        testbed::eventually(Duration::from_secs(10), || async {
            let t = text(
                &w.bound.db,
                "SELECT CAST(desired_state AS CHAR) AS t FROM deployments WHERE id = ?",
                [sleeper.as_str().into()],
            )
            .await;
            (t == "standby").then_some(()).ok_or(t)
        })
        .await;
        w.agents[0].behave_for(&sleeper, Behaviour::ready_after(Duration::ZERO));
        w.promote(&sleeper).await.expect("comes up now");
        assert_eq!(w.pointer().await.0, Some(sleeper.clone()));
        assert_eq!(w.status(&sleeper).await, "ready");
        w.end(&[&sleeper, &live, &preview]).await;
    });
}

#[test]
fn dep_48_rollback_refuses_and_changes_nothing() {
    testbed::scenario!("DEP-48");
    testbed::run(async {
        let (w, other) = (World::new(1).await, World::new(1).await);
        let (target, live) = (w.deploy_production().await, w.deploy_production().await);
        let foreign = other.deploy_production().await;
        let preview = w.create(&NewDeployment::preview(&w.app.app_id)).await;
        w.deploy(&preview, "nginx:1").await.expect("preview");
        let failed = w
            .create(&NewDeployment::production(&w.app.app_id).status("failed"))
            .await;
        let before = (w.pointer().await, w.routes().await);
        for (from, to, code, status) in [
            (live.as_str(), live.as_str(), "CW0016", 400),
            (&live, &foreign, "CW0017", 400),
            (&live, &preview, "CW0017", 400),
            (&target, &live, "CW0018", 400),
            (&live, &failed, "CW0011", 400),
            (&live, "d_nowhere", "CW0002", 404),
            ("d_nowhere", &target, "CW0002", 404),
            ("", &target, "CW0001", 400),
        ] {
            let error = w.rollback(from, to).await.expect_err("refused");
            assert!(
                error.status() == Some(status) && error.to_string().contains(code),
                "{from} → {to}: {error}"
            );
        }
        assert_eq!((w.pointer().await, w.routes().await), before);
        execute(
            &w.bound.db,
            "UPDATE frontline_routes SET sticky = 'none' WHERE app_id = ?",
            [w.app.app_id.as_str().into()],
        )
        .await;
        let error = w.rollback(&live, &target).await.expect_err("no routes");
        assert!(
            error.status() == Some(400) && error.to_string().contains("CW0014"),
            "{error}"
        );
        assert_eq!(w.pointer().await, before.0);
        w.end(&[&target, &live, &preview]).await;
        other.end(&[&foreign]).await;
    });
}

#[test]
fn dep_49_a_rollback_does_not_wait_for_a_deployment_of_the_same_key() {
    testbed::scenario!("DEP-49");
    testbed::run(async {
        let w = World::new(1).await;
        let (target, live) = (w.deploy_production().await, w.deploy_production().await);
        let waiting = w.create(&NewDeployment::production(&w.app.app_id)).await;
        w.agents[0].behave_for(&waiting, Behaviour::never_ready());
        w.send(&waiting, "nginx:1").await;
        w.eventually_status(&waiting, "deploying").await;
        let started = Instant::now();
        w.rollback(&live, &target).await.expect("rollback");
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "{:?}",
            started.elapsed()
        );
        assert_eq!(w.status(&waiting).await, "deploying");
        w.agents[0].behave_for(&waiting, Behaviour::ready_after(Duration::ZERO));
        w.eventually_status(&waiting, "ready").await;
        w.end(&[&target, &live, &waiting]).await;
    });
}

#[test]
fn dep_40_a_deployment_demoted_twice_within_a_day_is_scheduled_twice() {
    testbed::scenario!("DEP-40", "DPL-12");
    testbed::run(async {
        let w = World::new(1).await;
        let a = w.deploy_production().await;
        let b = w.deploy_production().await;
        scheduled(&w, &a, Some(2)).await;
        w.promote(&a).await.expect("promote back");
        scheduled(&w, &a, None).await;
        let c = w.deploy_production().await;
        scheduled(&w, &a, Some(2)).await;
        // And it fires: the second schedule is a real one.
        asleep(&w, &a).await;
        assert!(w.topology(&a).await.iter().all(|t| t.1 == "stopped"));
        w.end(&[&a, &b, &c]).await;
    });
}

#[test]
fn dpl_18_a_sleeping_deployment_is_woken_and_ready_again() {
    testbed::scenario!("DPL-18");
    testbed::run(async {
        let w = World::new(2).await;
        let sleeper = w.deploy_production().await;
        let live = w.deploy_production().await;
        asleep(&w, &sleeper).await;
        let before = w.topology(&sleeper).await;
        w.call("WakeDeployment", &json!({ "deploymentId": sleeper }))
            .await
            .expect("wake");
        assert_eq!(w.status(&sleeper).await, "ready");
        for (was, is) in before.iter().zip(w.topology(&sleeper).await) {
            assert_eq!((is.0.as_str(), is.1.as_str()), (was.0.as_str(), "running"));
            assert!(is.2 > was.2, "a new version");
        }
        let error = w
            .call("WakeDeployment", &json!({ "deploymentId": "d_nowhere" }))
            .await
            .expect_err("unknown");
        assert_eq!(error.status(), Some(404));
        w.end(&[&sleeper, &live]).await;
    });
}

#[test]
fn edg_21_the_old_deployment_runs_on_while_fronts_may_still_know_it() {
    testbed::scenario!("EDG-21");
    testbed::run(async {
        // Fronts keep a route for up to 5 minutes; the standby delay is 30. Scaled: the old one runs for the first
        // sixth of the delay and beyond, and sleeps after all of it.
        let delay = crate::world::timings().standby_delay;
        assert!(deploy::Timings::default().standby_delay > Duration::from_secs(5 * 60));
        let w = World::new(1).await;
        let old = w.deploy_production().await;
        let new = w.deploy_production().await;
        let running =
            "SELECT COUNT(*) AS n FROM instances WHERE deployment_id = ? AND status = 'running'";
        tokio::time::sleep(delay / 2).await;
        assert!(
            number(&w.bound.db, running, [old.as_str().into()]).await >= 1,
            "still there after {:?}",
            delay / 2
        );
        asleep(&w, &old).await;
        assert_eq!(number(&w.bound.db, running, [old.as_str().into()]).await, 0);
        w.end(&[&old, &new]).await;
    });
}

#[test]
fn dep_51_without_a_source_of_counts_no_preview_is_put_to_sleep() {
    testbed::scenario!("DEP-51");
    testbed::run(async {
        let w = World::new(1).await;
        let id = w.create(&NewDeployment::preview(&w.app.app_id)).await;
        w.deploy(&id, "nginx:1").await.expect("preview");
        execute(
            &w.bound.db,
            "UPDATE deployments SET created_at = 1, updated_at = 1 WHERE id = ?",
            [id.as_str().into()],
        )
        .await;
        let error = w
            .call("ScaleDownIdlePreviewDeployments", &json!({}))
            .await
            .expect_err("refused");
        assert!(
            error.status() == Some(503) && error.to_string().contains("CW0024"),
            "{error}"
        );
        let state = "SELECT CONCAT(desired_state, '/', status) AS t FROM deployments WHERE id = ?";
        assert_eq!(
            text(&w.bound.db, state, [id.as_str().into()]).await,
            "running/ready"
        );
        assert!(w.transition(&id).await.is_null());
        w.end(&[&id]).await;
    });
}
