//! `WithdrawRoutes`: the undo of `UpsertRoutes`.

use crate::world::*;
use serde_json::json;

async fn withdraw(world: &World<'_>, deployment: &str) {
    let withdrawn = world
        .call("WithdrawRoutes", json!({"deploymentId": deployment}))
        .await;
    assert_eq!(withdrawn.expect("withdrawn"), json!({}));
}

async fn routes_to(world: &World<'_>, deployment: &str) -> i64 {
    let sql = "SELECT COUNT(*) FROM frontline_routes WHERE deployment_id = ?";
    query(&world.db, sql, [deployment.into()]).await[0]
        .try_get_by_index(0)
        .expect("number")
}

#[test]
fn a_deployment_that_did_not_come_up_loses_its_routes_and_only_those() {
    testbed::run(async {
        let world = World::new().await;
        let failed = world.deployment("production", "failed").await;
        for sticky in ["none", "branch", "deployment"] {
            world.route(sticky, &failed).await;
        }
        for _ in 0..2 {
            withdraw(&world, &failed).await;
            assert_eq!(routes_to(&world, &failed).await, 0);
            assert_eq!(world.picture().await, UNTOUCHED);
        }
        withdraw(&world, "d_missing").await;
        testbed::assert_quiet(&[&world.app.project_id]).await;
    });
}

#[test]
fn what_is_ready_or_live_keeps_its_routes() {
    testbed::run(async {
        let world = World::new().await;
        world.route("deployment", &world.d2).await;
        withdraw(&world, &world.d2).await;
        assert_eq!(routes_to(&world, &world.d2).await, 1, "ready");
        let current = world.deployment("production", "failed").await;
        world.route("deployment", &current).await;
        world.set_app(Some(&current), false).await;
        withdraw(&world, &current).await;
        assert_eq!(routes_to(&world, &current).await, 1, "live");
    });
}

#[test]
fn what_sleeps_for_good_keeps_only_the_routes_of_its_environment() {
    testbed::run(async {
        let world = World::new().await;
        let asleep = world.deployment("preview", "ready").await;
        for sticky in ["none", "branch", "deployment", "environment", "live"] {
            world.route(sticky, &asleep).await;
        }
        withdraw(&world, &asleep).await;
        assert_eq!(routes_to(&world, &asleep).await, 5, "it may wake");
        mysql::sql::execute(
            world.db.primary(),
            "UPDATE deployments SET desired_state = 'archived' WHERE id = ?",
            [asleep.as_str().into()],
        )
        .await
        .expect("archived");
        for _ in 0..2 {
            withdraw(&world, &asleep).await;
            assert_eq!(routes_to(&world, &asleep).await, 2);
        }
    });
}
