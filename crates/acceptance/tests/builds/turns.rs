//! Projects at Depot, and whose turn it is to build.

use build_testbed::{Progress, Script};
use intent::{NewApp, NewDeployment, Runtime};
use serde_json::json;

use crate::query::text;
use crate::world::*;

async fn depot_project(world: &World) -> String {
    let sql = "SELECT depot_project_id AS t FROM projects WHERE id = ?";
    text(&world.bound.db, sql, [world.app.project_id.as_str().into()]).await
}

#[test]
fn dep_34_a_project_is_made_at_depot_once_also_by_two_first_builds() {
    testbed::scenario!("DEP-34");
    testbed::run(async {
        let world = World::new().await;
        let (a, b) = (world.production().await, world.production().await);
        let (x, y) = tokio::join!(
            world.deploy(&a, world.source()),
            world.deploy(&b, world.source())
        );
        x.expect("deployed");
        y.expect("deployed");
        let c = world.production().await;
        world.deploy(&c, world.source()).await.expect("deployed");
        let name = format!("builds-test-{}", world.app.project_id);
        let made: Vec<_> = world.bound.depot.projects();
        let ours: Vec<_> = made.iter().filter(|p| p.name == name).collect();
        assert_eq!(ours.len(), 1);
        assert_eq!((ours[0].keep_gb, ours[0].keep_days), (50, 14));
        assert_eq!(depot_project(&world).await, ours[0].id);
        for id in [a, b, c] {
            assert_eq!(world.build(&id).await.expect("a build").project, ours[0].id);
        }
    });
}

#[test]
fn no_more_builds_of_a_workspace_run_than_it_has_slots_and_all_get_their_turn() {
    testbed::run(async {
        let shape = Shape {
            slots: 1,
            ..Shape::default()
        };
        let world = World::on(Bound::alone(shape).await).await;
        let held = world.production().await;
        world.script(
            &held,
            Script {
                hold: true,
                ..Script::default()
            },
        );
        world.send(&held, world.source()).await;
        world.building(&held).await;
        let waiting = [world.production().await, world.production().await];
        for id in &waiting {
            world.send(id, world.source()).await;
            world.eventually_status(id, "building").await;
        }
        let running = || {
            let solves = world.bound.depot.buildkit().solves();
            solves
                .iter()
                .filter(|s| s.progress == Progress::Running)
                .count()
        };
        assert_eq!(running(), 1);
        assert!(waiting.iter().all(|id| world.solves(id).is_empty()));
        world.bound.depot.buildkit().release(&held);
        for id in waiting.iter().chain([&held]) {
            world.eventually_status(id, "ready").await;
        }
        assert!(
            world
                .bound
                .depot
                .builds()
                .iter()
                .all(|b| b.finishes.len() == 1)
        );
    });
}

#[test]
fn api_9_a_rollback_does_not_wait_for_a_build_of_another_app_of_the_workspace() {
    testbed::scenario!("API-9");
    testbed::run(async {
        let world = World::new().await;
        let key = world.app.workspace_id.as_str();
        let new = NewApp {
            workspace_id: world.app.workspace_id.clone(),
            project_id: world.app.project_id.clone(),
            name: "Other".into(),
            slug: "other".into(),
            default_branch: "main".into(),
            runtime: Runtime::default(),
        };
        let mut other = intent::create_app(&world.bound.db, &new)
            .await
            .expect("an app");
        let region = world.app.regions[0].clone();
        intent::allow_region(&world.bound.db, &other, &region, None)
            .await
            .expect("a region");
        other.regions.push(region);
        let mut deployed = Vec::new();
        for _ in 0..2 {
            let id = world
                .create(&NewDeployment::production(&other.app_id))
                .await;
            let body = json!({ "deploymentId": id, "dockerImage": { "image": "nginx:1" } });
            let answer = world
                .bound
                .ingress
                .call(deploy_client::SERVICE, key, "Deploy", &body);
            answer.await.expect("deployed");
            deployed.push(id);
        }
        let held = world.production().await;
        world.script(
            &held,
            Script {
                hold: true,
                ..Script::default()
            },
        );
        world.send(&held, world.source()).await;
        world.building(&held).await;
        let body = json!({ "sourceDeploymentId": deployed[1], "targetDeploymentId": deployed[0] });
        let answer = world
            .bound
            .ingress
            .call(deploy_client::SERVICE, key, "Rollback", &body);
        answer.await.expect("rolled back");
        // The build had not moved meanwhile: the rollback did not wait for it.
        assert_eq!(world.column(&held, "status").await, "building");
        assert_eq!(world.solves(&held)[0].progress, Progress::Running);
        world.bound.depot.buildkit().release(&held);
        world.eventually_status(&held, "ready").await;
    });
}
