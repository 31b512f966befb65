//! Deploy of an image, from row to traffic.

use crate::world::{World, number, text, told};
use intent::NewDeployment;

#[test]
fn dep_1_an_image_goes_live_and_the_live_one_before_is_sent_to_standby() {
    testbed::scenario!("DEP-1", "EDG-1", "DEP-54");
    testbed::run(async {
        let w = World::new(2).await;
        let live = w.deploy_production().await;
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        w.deploy(&id, "nginx:1").await.expect("deploy");

        assert_eq!(w.status(&id).await, "ready");
        assert_eq!(
            text(
                &w.bound.db,
                "SELECT CONCAT(image, COALESCE(build_id, '-')) AS t FROM deployments WHERE id = ?",
                [id.as_str().into()]
            )
            .await,
            "nginx:1-"
        );
        let steps = w.steps(&id).await;
        assert_eq!(
            steps.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(),
            ["starting", "building", "deploying", "network", "finalizing"]
        );
        assert!(
            steps
                .iter()
                .all(|(_, ended, error)| *ended && error.is_none()),
            "{steps:?}"
        );
        assert_eq!(w.pointer().await, (Some(id.clone()), false));
        assert_eq!(w.topology(&id).await.len(), 2);
        let running =
            "SELECT COUNT(*) AS n FROM instances WHERE deployment_id = ? AND status = 'running'";
        assert!(number(&w.bound.db, running, [id.as_str().into()]).await >= 1);
        for (host, (sticky, target)) in w.routes().await {
            let pinned_to_the_first = sticky == "deployment" && target == live;
            assert!(
                target == id || pinned_to_the_first,
                "{host} ({sticky}) → {target}"
            );
        }
        testbed::eventually(std::time::Duration::from_secs(5), || async {
            let t = w.transition(&live).await;
            (t["To"] == 2).then_some(()).ok_or(t)
        })
        .await;
        // Scraping fails terminally in this world; the deployment does not care.
        testbed::eventually(std::time::Duration::from_secs(5), || async {
            let told = told(&id);
            (told == ["ScrapeSpec"]).then_some(()).ok_or(told)
        })
        .await;
        assert_eq!(w.status(&id).await, "ready");
        w.end(&[&live, &id]).await;
    });
}

#[test]
fn dep_2_a_preview_gets_routes_but_never_the_live_pointer() {
    testbed::scenario!("DEP-2");
    testbed::run(async {
        let w = World::new(1).await;
        let live = w.deploy_production().await;
        let first = w.create(&NewDeployment::preview(&w.app.app_id)).await;
        w.deploy(&first, "nginx:1").await.expect("first preview");
        let second = w.create(&NewDeployment::preview(&w.app.app_id)).await;
        w.deploy(&second, "nginx:2").await.expect("second preview");

        assert_eq!(w.status(&second).await, "ready");
        assert_eq!(w.pointer().await, (Some(live.clone()), false));
        assert_eq!(
            w.route_target("environment", &w.app.preview_environment_id)
                .await,
            second
        );
        assert_eq!(
            w.route_target("live", &w.app.production_environment_id)
                .await,
            live
        );
        let live_in_preview = "SELECT COUNT(*) AS n FROM frontline_routes WHERE environment_id = ? AND sticky = 'live'";
        assert_eq!(
            number(
                &w.bound.db,
                live_in_preview,
                [w.app.preview_environment_id.as_str().into()]
            )
            .await,
            0
        );
        for id in [&live, &first] {
            assert!(
                w.transition(id).await.is_null(),
                "no standby is scheduled for {id}"
            );
        }
        w.end(&[&live, &first, &second]).await;
    });
}

#[test]
fn dep_6_an_empty_id_is_refused_before_anything_is_written() {
    testbed::scenario!("DEP-6");
    testbed::run(async {
        let w = World::new(1).await;
        let error = w.deploy("", "nginx:1").await.expect_err("refused");
        assert_eq!(error.status(), Some(400));
        assert!(error.to_string().contains("CW0001"), "{error}");
        assert_eq!(
            number(
                &w.bound.db,
                "SELECT COUNT(*) AS n FROM ctrl_worker_runs WHERE deployment_id = ''",
                []
            )
            .await,
            0
        );
        assert_eq!(
            number(
                &w.bound.db,
                "SELECT COUNT(*) AS n FROM deployment_steps WHERE deployment_id = ''",
                []
            )
            .await,
            0
        );
        w.end(&[]).await;
    });
}

#[test]
fn dep_7_an_unknown_deployment_is_a_404_at_once() {
    testbed::scenario!("DEP-7");
    testbed::run(async {
        let w = World::new(1).await;
        let started = std::time::Instant::now();
        let error = w.deploy("d_nowhere", "nginx:1").await.expect_err("refused");
        assert!(started.elapsed() < std::time::Duration::from_secs(5));
        assert_eq!(error.status(), Some(404));
        assert!(error.to_string().contains("CW0002"), "{error}");
        for table in ["ctrl_worker_runs", "deployment_steps"] {
            let sql =
                format!("SELECT COUNT(*) AS n FROM {table} WHERE deployment_id = 'd_nowhere'");
            assert_eq!(number(&w.bound.db, &sql, []).await, 0, "{table}");
        }
        w.end(&[]).await;
    });
}

#[test]
fn dep_8_without_a_source_the_building_step_says_so() {
    testbed::scenario!("DEP-8");
    testbed::run(async {
        let w = World::new(1).await;
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        let error = w
            .call("Deploy", &serde_json::json!({ "deploymentId": id }))
            .await
            .expect_err("refused");
        assert!(error.to_string().contains("CW0004"), "{error}");
        assert_eq!(w.status(&id).await, "failed");
        let steps = w.steps(&id).await;
        assert_eq!(
            steps.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(),
            ["starting", "building"]
        );
        assert_eq!(steps[0].2, None);
        assert!(
            steps[1].1
                && steps[1]
                    .2
                    .as_deref()
                    .unwrap_or_default()
                    .contains("source is not supported"),
            "{steps:?}"
        );
        assert!(w.topology(&id).await.is_empty());
        w.end(&[&id]).await;
    });
}

#[test]
fn a_git_source_is_refused_with_what_is_missing() {
    testbed::run(async {
        let w = World::new(1).await;
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        let git = serde_json::json!({ "deploymentId": id, "git": { "repository": "acme/api", "branch": "main" } });
        let error = w.call("Deploy", &git).await.expect_err("refused");
        assert!(error.to_string().contains("CW0005"), "{error}");
        assert_eq!(w.status(&id).await, "failed");
        assert!(
            w.steps(&id).await[1]
                .2
                .as_deref()
                .unwrap_or_default()
                .contains("no builder is configured")
        );
        w.end(&[&id]).await;
    });
}

#[test]
fn dep_41_deploying_the_live_deployment_again_changes_nothing() {
    testbed::scenario!("DEP-41");
    testbed::run(async {
        let w = World::new(2).await;
        let id = w.deploy_production().await;
        let (topology, routes) = (w.topology(&id).await, w.routes().await);
        w.deploy(&id, "nginx:9").await.expect("a no-op succeeds");
        assert_eq!(w.status(&id).await, "ready");
        assert_eq!(w.topology(&id).await, topology);
        assert_eq!(w.routes().await, routes);
        assert_eq!(
            text(
                &w.bound.db,
                "SELECT image AS t FROM deployments WHERE id = ?",
                [id.as_str().into()]
            )
            .await,
            "nginx:1"
        );
        assert!(w.transition(&id).await.is_null());
        // Also where no run of ours is on record, as after a takeover.
        crate::world::execute(
            &w.bound.db,
            "DELETE FROM ctrl_worker_runs WHERE deployment_id = ?",
            [id.as_str().into()],
        )
        .await;
        w.deploy(&id, "nginx:9").await.expect("a no-op succeeds");
        assert_eq!(
            (w.status(&id).await, w.topology(&id).await),
            ("ready".to_owned(), topology)
        );
        w.end(&[&id]).await;
    });
}

#[test]
fn dep_42_a_row_that_waits_for_approval_or_was_skipped_is_refused() {
    testbed::scenario!("DEP-42");
    testbed::run(async {
        let w = World::new(1).await;
        for status in ["awaiting_approval", "skipped"] {
            let id = w
                .create(&NewDeployment::production(&w.app.app_id).status(status))
                .await;
            let error = w.deploy(&id, "nginx:1").await.expect_err("refused");
            assert!(error.to_string().contains("CW0010"), "{error}");
            assert_eq!(w.status(&id).await, status);
            let row = "SELECT COUNT(*) AS n FROM deployments WHERE id = ? AND updated_at IS NULL AND image IS NULL";
            assert_eq!(number(&w.bound.db, row, [id.as_str().into()]).await, 1);
            assert!(w.steps(&id).await.is_empty() && w.topology(&id).await.is_empty());
            // Once approved it can be deployed: the refusal left no claim behind.
            if status == "awaiting_approval" {
                assert!(
                    intent::authorize_deployment(&w.bound.db, &id)
                        .await
                        .expect("approve")
                );
                w.deploy(&id, "nginx:1")
                    .await
                    .expect("deploy after approval");
                assert_eq!(w.status(&id).await, "ready");
            }
        }
        w.end(&[]).await;
    });
}

#[test]
fn dep_53_github_is_told_in_order_and_only_with_a_repository() {
    testbed::scenario!("DEP-53");
    testbed::run(async {
        let w = World::new(1).await;
        let silent = w.deploy_production().await;
        intent::connect_repository(&w.bound.db, &w.app, 4711, 99, "acme/api")
            .await
            .expect("connect");
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        w.deploy(&id, "nginx:1").await.expect("deploy");
        let expected = [
            format!(
                "Init acme/api {0} - production https://{0}-production-{1}.unkey.test",
                w.app.project_slug, w.app.workspace_slug
            ),
            "IN_PROGRESS deploying to regions".to_owned(),
            "IN_PROGRESS configuring routing".to_owned(),
            "SUCCESS deployment is live".to_owned(),
        ];
        testbed::eventually(std::time::Duration::from_secs(5), || async {
            let told: Vec<String> = told(&id)
                .into_iter()
                .filter(|t| t != "ScrapeSpec")
                .collect();
            (told == expected).then_some(()).ok_or(told)
        })
        .await;
        assert!(
            told(&silent).iter().all(|t| t == "ScrapeSpec"),
            "{:?}",
            told(&silent)
        );
        w.end(&[&silent, &id]).await;
    });
}
