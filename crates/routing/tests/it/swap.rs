//! `SwapLiveDeployment`: promote, rollback, and what may sleep afterwards.

use crate::world::*;
use serde_json::{Value, json};

fn answer(previous: &str, released: &[&str]) -> Value {
    let mut answer = json!({});
    if !previous.is_empty() {
        answer["previousDeploymentId"] = json!(previous);
    }
    if !released.is_empty() {
        let mut released = released.to_vec();
        released.sort_unstable();
        answer["releasedDeploymentIds"] = json!(released);
    }
    answer
}

#[test]
fn rte_10_a_swap_returns_what_was_live_before() {
    testbed::scenario!("RTE-10");
    testbed::run(async {
        let world = World::new().await;
        let body = json!({"deploymentId": world.d2, "frontlineRouteIds": [world.f_env, world.f_live], "setRollbackFlag": false});
        let swapped = world
            .call("SwapLiveDeployment", body)
            .await
            .expect("swapped");
        assert_eq!(swapped, answer(&world.d1, &[&world.d1]));
        assert_eq!(
            world.picture().await,
            "env d2 live d2 branch d1; current d2"
        );
        testbed::assert_quiet(&[&world.app.project_id]).await;
    });
}

#[test]
fn rte_11_a_swap_without_a_previous_returns_nothing() {
    testbed::scenario!("RTE-11");
    testbed::run(async {
        let world = World::new().await;
        world.set_app(None, false).await;
        assert_eq!(
            world.swap(&world.d2, false).await.expect("swapped"),
            json!({})
        );
        assert_eq!(
            world.picture().await,
            "env d2 live d2 branch d1; current d2"
        );
    });
}

#[test]
fn live_routes_move_with_the_pointer_even_if_they_were_not_named() {
    testbed::run(async {
        let world = World::new().await;
        let customers = world.route("live", "").await;
        world
            .call("SwapLiveDeployment", json!({"deploymentId": world.d2}))
            .await
            .expect("swapped");
        assert_eq!(
            world.picture().await,
            "env d1 live d2 branch d1; current d2"
        );
        assert_eq!(world.target(&customers).await, world.d2);
    });
}

#[test]
fn the_source_of_a_rollback_stays_until_it_is_confirmed() {
    testbed::run(async {
        let world = World::new().await;
        world.swap(&world.d2, false).await.expect("promoted");
        assert_eq!(
            world.swap(&world.d1, true).await.expect("rolled back"),
            answer(&world.d2, &[])
        );
        assert_eq!(
            world.picture().await,
            "env d1 live d1 branch d1; current d1 rolled back"
        );
        // the same rollback again changes nothing
        assert_eq!(
            world.swap(&world.d1, true).await.expect("nothing"),
            answer(&world.d1, &[])
        );
        // confirming moves no route
        world
            .assign(&world.d3, &[&world.f_env])
            .await
            .expect("assigned");
        assert_eq!(
            world.swap(&world.d1, false).await.expect("confirmed"),
            answer(&world.d1, &[&world.d2])
        );
        assert_eq!(
            world.picture().await,
            "env d3 live d1 branch d1; current d1"
        );
        // and once confirmed there is nothing left to release
        assert_eq!(
            world.swap(&world.d1, false).await.expect("nothing"),
            answer(&world.d1, &[])
        );
    });
}

#[test]
fn leaving_a_chain_of_rollbacks_releases_every_source_but_the_target() {
    testbed::run(async {
        let world = World::new().await;
        world.swap(&world.d3, false).await.expect("promoted");
        world.swap(&world.d2, true).await.expect("rolled back");
        world
            .swap(&world.d1, true)
            .await
            .expect("rolled back further");
        assert_eq!(
            world.picture().await,
            "env d1 live d1 branch d1; current d1 rolled back"
        );
        assert_eq!(
            world.swap(&world.d3, false).await.expect("promoted"),
            answer(&world.d1, &[&world.d1, &world.d2])
        );
        assert_eq!(
            world.picture().await,
            "env d3 live d3 branch d1; current d3"
        );
        let sql = "SELECT COUNT(*) FROM ctrl_worker_rollback_sources WHERE app_id = ?";
        let left: i64 = query(&world.db, sql, [world.app.app_id.as_str().into()]).await[0]
            .try_get_by_index(0)
            .expect("number");
        assert_eq!(left, 0);
    });
}

#[test]
fn environment_routes_of_a_fork_stay_with_it() {
    testbed::run(async {
        let world = World::new().await;
        let fork = world.deployment("production", "ready").await;
        let sql = "UPDATE deployments SET fork_repository_full_name = 'octo/cat' WHERE id = ?";
        execute(world.db.primary(), sql, [fork.as_str().into()]).await;
        let of_fork = world.route("environment", &fork).await;
        world.swap(&world.d2, false).await.expect("promoted");
        assert_eq!(
            world.picture().await,
            "env d2 live d2 branch d1; current d2"
        );
        assert_eq!(world.target(&of_fork).await, fork);
    });
}

#[test]
fn what_must_not_go_live_is_refused_and_nothing_moves() {
    testbed::run(async {
        let world = World::new().await;
        let preview = world.deployment("preview", "ready").await;
        assert_eq!(
            refusal(world.swap(&preview, false).await),
            (400, "CW0015".to_owned())
        );
        execute(
            world.db.primary(),
            "UPDATE deployments SET desired_state = 'standby' WHERE id = ?",
            [world.d3.as_str().into()],
        )
        .await;
        assert_eq!(
            refusal(world.swap(&world.d3, true).await),
            (409, "CW0023".to_owned())
        );
        let stale = json!({"deploymentId": world.d2, "allStickyRoutes": true, "setRollbackFlag": true, "expectedCurrentDeploymentId": world.d3});
        assert_eq!(
            refusal(world.call("SwapLiveDeployment", stale).await),
            (409, "CW0023".to_owned())
        );
        let unknown = json!({"deploymentId": world.d2, "frontlineRouteIds": ["flr_x"]});
        assert_eq!(
            refusal(world.call("SwapLiveDeployment", unknown).await),
            (404, "CW0020".to_owned())
        );
        let other = World::new().await;
        let foreign = json!({"deploymentId": world.d2, "frontlineRouteIds": [other.f_live]});
        assert_eq!(
            refusal(world.call("SwapLiveDeployment", foreign).await),
            (409, "CW0021".to_owned())
        );
        assert_eq!(world.picture().await, UNTOUCHED);
        let expected = json!({"deploymentId": world.d2, "allStickyRoutes": true, "expectedCurrentDeploymentId": world.d1});
        world
            .call("SwapLiveDeployment", expected)
            .await
            .expect("as expected");
        assert_eq!(
            world.picture().await,
            "env d2 live d2 branch d1; current d2"
        );
    });
}

#[test]
fn an_environment_without_routes_has_nothing_to_swap() {
    testbed::run(async {
        let world = World::new().await;
        let sql = "DELETE FROM frontline_routes WHERE app_id = ?";
        execute(world.db.primary(), sql, [world.app.app_id.as_str().into()]).await;
        assert_eq!(
            refusal(world.swap(&world.d2, false).await),
            (400, "CW0014".to_owned())
        );
        assert_eq!(world.pointer().await, (Some(world.d1.clone()), false));
    });
}

#[test]
fn a_rollback_that_nobody_recorded_still_releases_its_source() {
    testbed::run(async {
        let world = World::new().await;
        // the existing worker rolled back from d2 to d1 and recorded nothing; d3 came later and has the environment
        world.set_app(Some(&world.d1), true).await;
        world
            .assign(&world.d3, &[&world.f_env])
            .await
            .expect("assigned");
        let asleep = world.deployment("production", "ready").await;
        execute(
            world.db.primary(),
            "UPDATE deployments SET desired_state = 'standby' WHERE id = ?",
            [asleep.as_str().into()],
        )
        .await;
        world.deployment("production", "failed").await;
        world.deployment("preview", "ready").await;
        assert_eq!(
            world.swap(&world.d1, false).await.expect("confirmed"),
            answer(&world.d1, &[&world.d2])
        );
        assert_eq!(
            world.picture().await,
            "env d3 live d1 branch d1; current d1"
        );
    });
}
