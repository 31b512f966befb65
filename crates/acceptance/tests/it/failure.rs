//! How a deployment ends badly: undone, in order, and never half.

use crate::world::{Broken, World, break_for, number, told};
use edge_sim::Behaviour;
use intent::NewDeployment;
use std::time::Duration;

#[test]
fn dep_36_when_the_traffic_cannot_move_the_live_deployment_serves_on() {
    testbed::scenario!("DEP-36");
    testbed::run(async {
        let w = World::new(2).await;
        let live = w.deploy_production().await;
        let (pointer, routes) = (w.pointer().await, w.routes().await);
        let id = w
            .create(
                &NewDeployment::production(&w.app.app_id)
                    .git("main", "0123456789abcdef0123456789abcdef01234567"),
            )
            .await;
        break_for(&id, "FinishDeployment", Some(Broken::Fails));
        let error = w.deploy(&id, "nginx:1").await.expect_err("no traffic");
        assert_eq!(error.status(), Some(500));
        assert_eq!(w.status(&id).await, "failed");
        assert_eq!(w.pointer().await, pointer);
        assert_eq!(
            w.routes().await,
            routes,
            "every earlier assignment stands and no route of the failed one is left"
        );
        assert!(w.topology(&live).await.iter().all(|t| t.1 == "running"));
        assert!(w.transition(&live).await.is_null());
        assert_eq!(
            w.steps(&id).await.last().map(|s| s.0.clone()).as_deref(),
            Some("finalizing")
        );
        w.end(&[&live, &id]).await;
    });
}

#[test]
fn dep_37_everything_is_taken_back_newest_first_even_when_one_undo_fails() {
    testbed::scenario!("DEP-37");
    testbed::run(async {
        let w = World::new(2).await;
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        break_for(&id, "UpsertRoutes", Some(Broken::Fails));
        break_for(&id, "WithdrawRoutes", Some(Broken::Fails));
        let before = w.create(&NewDeployment::production(&w.app.app_id)).await;
        let invocation = w.send(&id, "nginx:1").await;
        w.eventually_status(&id, "failed").await;
        assert_ne!(before, id);
        let topology = w.topology(&id).await;
        assert_eq!(topology.len(), 2, "rows are stopped, not deleted");
        assert!(topology.iter().all(|t| t.1 == "stopped"), "{topology:?}");
        let steps = w.steps(&id).await;
        let last = steps.last().expect("steps");
        assert_eq!((last.0.as_str(), last.1), ("network", true));
        assert!(
            !last.2.as_deref().unwrap_or_default().is_empty(),
            "{steps:?}"
        );
        // The journal tells the order: routes, then topology, then the row.
        let sql = format!(
            "SELECT name FROM sys_journal WHERE id = {} ORDER BY index",
            restate_api::quoted(&invocation)
        );
        let names: Vec<String> = testbed::eventually(Duration::from_secs(5), || async {
            let rows = w.bound.admin.query(&sql).await.map_err(|e| e.to_string())?;
            let names: Vec<String> = rows
                .iter()
                .filter_map(|r| r["name"].as_str())
                .map(str::to_owned)
                .collect();
            names
                .iter()
                .any(|n| n == "undo: mark failed")
                .then_some(names.clone())
                .ok_or(format!("{names:?}"))
        })
        .await;
        let undos: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|n| n.starts_with("undo"))
            .collect();
        assert_eq!(undos, ["undo: stop topology", "undo: mark failed"]);
        // Within one transaction the regions are stopped last first: their rows changed in that order.
        let changed = "SELECT COUNT(*) AS n FROM deployment_topology t JOIN deployments d ON d.id = t.deployment_id
                       WHERE t.deployment_id = ? AND t.updated_at <= d.updated_at";
        assert_eq!(
            number(&w.bound.db, changed, [id.as_str().into()]).await,
            2,
            "topology before status"
        );
        w.end(&[&id]).await;
    });
}

#[test]
fn dep_38_a_cancelled_deployment_ends_undone_and_says_so() {
    testbed::scenario!("DEP-38");
    testbed::run(async {
        let w = World::new(2).await;
        intent::connect_repository(&w.bound.db, &w.app, 4711, 99, "acme/api")
            .await
            .expect("connect");
        (0..2).for_each(|r| w.behave(r, Behaviour::never_ready()));
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        let invocation = w.send(&id, "nginx:1").await;
        w.eventually_status(&id, "deploying").await;
        testbed::eventually(Duration::from_secs(5), || async {
            let n = number(
                &w.bound.db,
                "SELECT COUNT(*) AS n FROM ctrl_worker_waits WHERE deployment_id = ?",
                [id.as_str().into()],
            )
            .await;
            (n == 1).then_some(()).ok_or(n)
        })
        .await;
        w.bound.admin.cancel(&invocation).await.expect("cancel");
        w.eventually_status(&id, "failed").await;
        assert!(w.topology(&id).await.iter().all(|t| t.1 == "stopped"));
        let steps = w.steps(&id).await;
        assert!(
            steps
                .last()
                .and_then(|s| s.2.clone())
                .unwrap_or_default()
                .contains("cancelled"),
            "{steps:?}"
        );
        assert_eq!(
            number(
                &w.bound.db,
                "SELECT COUNT(*) AS n FROM ctrl_worker_waits WHERE deployment_id = ?",
                [id.as_str().into()]
            )
            .await,
            0
        );
        let reason = "SELECT COUNT(*) AS n FROM ctrl_worker_runs WHERE deployment_id = ? AND end_reason = 'cancelled' AND ended_at IS NOT NULL";
        assert_eq!(number(&w.bound.db, reason, [id.as_str().into()]).await, 1);
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
fn dep_35_a_standby_that_cannot_be_scheduled_does_not_touch_the_new_live_deployment() {
    testbed::scenario!("DEP-35");
    testbed::run(async {
        let w = World::new(1).await;
        let old = w.deploy_production().await;
        break_for(&old, "ScheduleDesiredStateChange", Some(Broken::Fails));
        let new = w.deploy_production().await;
        assert_eq!(w.status(&new).await, "ready");
        assert_eq!(w.pointer().await, (Some(new.clone()), false));
        testbed::eventually(Duration::from_secs(5), || async {
            let sql = format!(
                "SELECT completion_failure FROM sys_invocation WHERE target_service_key = {} AND target_handler_name = 'ScheduleDesiredStateChange' AND completion_result = 'failure'",
                restate_api::quoted(&old)
            );
            let rows = w.bound.admin.query(&sql).await.map_err(|e| e.to_string())?;
            (rows.len() == 1).then_some(()).ok_or(format!("{rows:?}"))
        })
        .await;
        assert!(w.topology(&new).await.iter().all(|t| t.1 == "running"));
        assert_eq!(w.status(&new).await, "ready");
        w.end(&[&old, &new]).await;
    });
}
