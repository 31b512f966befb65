//! `FinishDeployment`: the atomic end of a deploy.

use crate::world::*;
use serde_json::json;

#[test]
fn rte_12_a_deploy_after_a_rollback_takes_the_environment_only() {
    testbed::scenario!("RTE-12");
    testbed::run(async {
        let world = World::new().await;
        world.swap(&world.d2, false).await.expect("promoted");
        let body = json!({"deploymentId": world.d1, "frontlineRouteIds": [world.f_env, world.f_live], "setRollbackFlag": true});
        world
            .call("SwapLiveDeployment", body)
            .await
            .expect("rolled back");
        let next = world.deployment("production", "finalizing").await;
        let finished = world
            .finish(&next, &[&world.f_env, &world.f_live])
            .await
            .expect("finished");
        assert_eq!(
            finished,
            json!({}),
            "not live, nothing replaced, nobody newer"
        );
        assert_eq!(world.status(&next).await, "ready");
        assert_eq!(
            world.picture().await,
            format!("env {next} live d1 branch d1; current d1 rolled back")
        );
    });
}

#[test]
fn rte_13_a_newer_deployment_takes_its_branch() {
    testbed::scenario!("RTE-13");
    testbed::run(async {
        let world = World::new().await;
        let preview = &world.app.preview_environment_id;
        let before = world.deployment("preview", "ready").await;
        let host_name = format!("shop-git-feat-{}.example", ids::dns_label(8));
        let branch = world.route_in(preview, "branch", &before, &host_name).await;
        let newer = world.deployment("preview", "finalizing").await;
        let upsert = json!({
            "deploymentId": newer, "projectId": world.app.project_id, "appId": world.app.app_id, "environmentId": preview,
            "routes": [{"fullyQualifiedDomainName": host_name, "sticky": "ROUTE_STICKY_BRANCH"}],
        });
        let upserted = world.call("UpsertRoutes", upsert).await.expect("upserted");
        assert_eq!(
            upserted["routes"],
            json!([{"frontlineRouteId": branch, "fullyQualifiedDomainName": host_name, "previousDeploymentId": before}])
        );
        assert_eq!(
            world.target(&branch).await,
            before,
            "not before it is ready"
        );
        world.finish(&newer, &[&branch]).await.expect("finished");
        assert_eq!(world.target(&branch).await, newer);
        assert_eq!(
            world.picture().await,
            UNTOUCHED,
            "production is another environment"
        );
    });
}

#[test]
fn rte_14_an_older_deploy_that_finishes_last_replaces_nothing() {
    testbed::scenario!("RTE-14");
    testbed::run(async {
        let world = World::new().await;
        let (older, newer) = (
            world.deployment("production", "finalizing").await,
            world.deployment("production", "finalizing").await,
        );
        let finished = world
            .finish(&newer, &[&world.f_br])
            .await
            .expect("finished");
        assert_eq!(
            finished,
            json!({"previousDeploymentId": world.d1, "wentLive": true})
        );
        let all_newer = format!("env {newer} live {newer} branch {newer}; current {newer}");
        assert_eq!(world.picture().await, all_newer);
        let finished = world
            .finish(&older, &[&world.f_br])
            .await
            .expect("finished");
        assert_eq!(finished, json!({"refusedByNewer": newer}));
        assert_eq!(
            world.status(&older).await,
            "ready",
            "it is ready all the same"
        );
        assert_eq!(world.picture().await, all_newer);
        testbed::assert_quiet(&[&world.app.project_id]).await;
    });
}

#[test]
fn a_forced_older_deployment_gives_way_to_any_newer_one() {
    testbed::run(async {
        let world = World::new().await;
        world.swap(&world.d3, false).await.expect("promoted");
        let next = world.deployment("production", "finalizing").await;
        world
            .swap(&world.d1, false)
            .await
            .expect("promoted the oldest");
        let finished = world.finish(&next, &[]).await.expect("finished");
        assert_eq!(
            finished,
            json!({"previousDeploymentId": world.d1, "wentLive": true})
        );
        assert_eq!(
            world.picture().await,
            format!("env {next} live {next} branch d1; current {next}")
        );
    });
}

#[test]
fn status_run_and_step_end_together_and_a_repetition_answers_the_same() {
    testbed::run(async {
        let world = World::new().await;
        let next = world.deployment("production", "finalizing").await;
        let run = "INSERT INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at) VALUES (?, 'inv', 1)";
        execute(world.db.primary(), run, [next.as_str().into()]).await;
        let step = "INSERT INTO deployment_steps (workspace_id, project_id, environment_id, deployment_id, app_id, step, started_at, error) \
                    VALUES ('ws', 'proj', 'env', ?, 'app', 'finalizing', 1, 'before')";
        execute(world.db.primary(), step, [next.as_str().into()]).await;
        let (live_domain, pinned) = (
            world.route("live", "").await,
            world.route("deployment", &next).await,
        );
        let first = world
            .finish(&next, &[&world.f_br, &pinned])
            .await
            .expect("finished");
        assert_eq!(
            first,
            json!({"previousDeploymentId": world.d1, "wentLive": true})
        );
        assert_eq!(
            world.picture().await,
            format!("env {next} live {next} branch {next}; current {next}")
        );
        assert_eq!(
            world.target(&live_domain).await,
            next,
            "a customer's domain too"
        );
        let sql = "SELECT r.ended_at IS NOT NULL AND r.end_reason = 'ready' AND s.ended_at IS NOT NULL AND s.error IS NULL \
                   FROM ctrl_worker_runs r JOIN deployment_steps s ON s.deployment_id = r.deployment_id WHERE r.deployment_id = ?";
        let ended: i64 = query(&world.db, sql, [next.as_str().into()]).await[0]
            .try_get_by_index(0)
            .expect("flag");
        assert_eq!(ended, 1);
        assert_eq!(
            world
                .finish(&next, &[&world.f_br])
                .await
                .expect("a repetition"),
            first
        );
        // without the kept answer the rows still say it is live
        execute(
            world.db.primary(),
            "DELETE FROM ctrl_worker_swaps WHERE app_id = ?",
            [world.app.app_id.as_str().into()],
        )
        .await;
        assert_eq!(
            world.finish(&next, &[]).await.expect("a repetition"),
            json!({"wentLive": true})
        );
    });
}

#[test]
fn a_deployment_somebody_ended_is_not_finished() {
    testbed::run(async {
        let world = World::new().await;
        for status in ["failed", "skipped", "stopped", "network", "pending"] {
            let ended = world.deployment("production", status).await;
            assert_eq!(
                refusal(world.finish(&ended, &[&world.f_br]).await),
                (409, "CW0023".to_owned())
            );
            assert_eq!(world.status(&ended).await, status);
        }
        let asleep = world.deployment("production", "finalizing").await;
        execute(
            world.db.primary(),
            "UPDATE deployments SET desired_state = 'standby' WHERE id = ?",
            [asleep.as_str().into()],
        )
        .await;
        assert_eq!(
            refusal(world.finish(&asleep, &[]).await),
            (409, "CW0023".to_owned())
        );
        let (next, other) = (
            world.deployment("production", "finalizing").await,
            World::new().await,
        );
        assert_eq!(
            refusal(world.finish(&next, &[&world.f_br, &other.f_br]).await),
            (409, "CW0021".to_owned())
        );
        assert_eq!(
            refusal(world.finish(&next, &["flr_x"]).await),
            (404, "CW0020".to_owned())
        );
        assert_eq!(world.status(&next).await, "finalizing");
        assert_eq!(
            (world.picture().await, other.picture().await),
            (UNTOUCHED.to_owned(), UNTOUCHED.to_owned())
        );
    });
}

#[test]
fn a_fork_takes_its_own_routes_and_leaves_the_environment_alone() {
    testbed::run(async {
        let world = World::new().await;
        let preview = &world.app.preview_environment_id;
        let (before, fork) = (
            world.deployment("preview", "ready").await,
            world.deployment("preview", "finalizing").await,
        );
        let name = || format!("{}.example", ids::dns_label(12));
        let shared = world
            .route_in(preview, "environment", &before, &name())
            .await;
        let its_own = world
            .route_in(preview, "environment", &before, &name())
            .await;
        let body = json!({"deploymentId": fork, "frontlineRouteIds": [its_own], "keepEnvironmentRoutes": true});
        assert_eq!(
            world
                .call("FinishDeployment", body)
                .await
                .expect("finished"),
            json!({})
        );
        assert_eq!(
            (world.target(&shared).await, world.target(&its_own).await),
            (before, fork)
        );
        assert_eq!(world.picture().await, UNTOUCHED);
    });
}
