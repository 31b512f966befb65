//! What is written where the rows are not as usual.

use crate::world::*;

#[test]
fn dpl_11_a_deployment_deleted_meanwhile_is_done() {
    testbed::scenario!("DPL-11");
    testbed::run(async {
        let world = World::new().await;
        world.schedule(STANDBY, 300).await;
        let id = || [world.d1.as_str().into()];
        execute(
            world.db.primary(),
            "DELETE FROM deployment_topology WHERE deployment_id = ?",
            id(),
        )
        .await;
        execute(
            world.db.primary(),
            "DELETE FROM deployments WHERE id = ?",
            id(),
        )
        .await;
        let changes = world.ended(1).await;
        assert_eq!(changes[0]["completion_result"], "success");
        assert_eq!(
            changes[0]["retry_count"].as_i64().unwrap_or(1),
            1,
            "one attempt: {}",
            changes[0]
        );
        assert_eq!(world.transition().await, None);
        assert_eq!(world.counters().await, [10, 20]);
        // the key is free
        world.clear().await;
        testbed::assert_quiet(&[&world.d1]).await;
    });
}

#[test]
fn dpl_11_an_app_deleted_meanwhile_is_done_too() {
    testbed::scenario!("DPL-11");
    testbed::run(async {
        let world = World::new().await;
        execute(
            world.db.primary(),
            "DELETE FROM apps WHERE id = ?",
            [world.app_id.as_str().into()],
        )
        .await;
        world.schedule(STANDBY, 0).await;
        assert_eq!(world.ended(1).await[0]["completion_result"], "success");
        assert_eq!(world.transition().await, None);
        assert_eq!(world.picture().await, UNTOUCHED);
    });
}

#[test]
fn dpl_15_without_topology_only_the_state_changes() {
    testbed::scenario!("DPL-15");
    testbed::run(async {
        let world = World::new().await;
        let id = [world.d1.as_str().into()];
        execute(
            world.db.primary(),
            "DELETE FROM deployment_topology WHERE deployment_id = ?",
            id,
        )
        .await;
        world.schedule(STANDBY, 0).await;
        assert_eq!(world.ended(1).await[0]["completion_result"], "success");
        assert_eq!(world.picture().await, "standby: -, -; counters 10 20");
    });
}

#[test]
fn dpl_16_a_replica_that_lags_hides_no_row() {
    testbed::scenario!("DPL-16");
    testbed::run(async {
        let world = World::new().await;
        let lagging = lagging().await;
        use mysql::sea_orm::EntityTrait as _;
        let behind = mysql::entity::deployment_topology::Entity::find()
            .all(lagging.replica())
            .await
            .expect("read");
        assert_eq!(behind, [], "the replica the service was given knows no row");
        world.schedule(STANDBY, 0).await;
        world.becomes(ASLEEP).await;
    });
}

#[test]
fn a_state_that_holds_already_uses_no_version() {
    testbed::run(async {
        let world = World::new().await;
        world.schedule(RUNNING, 0).await;
        assert_eq!(world.picture().await, UNTOUCHED);
        world.schedule(STANDBY, 0).await;
        world.schedule(ARCHIVED, 0).await;
        world.ended(2).await;
        assert_eq!(
            world.picture().await,
            "archived: stopped 11, stopped 21; counters 11 21",
            "stopped once"
        );
    });
}

#[test]
fn a_region_that_missed_a_change_is_brought_along_alone() {
    testbed::run(async {
        let world = World::new().await;
        let sql = "UPDATE deployment_topology SET desired_status = 'stopped' WHERE deployment_id = ? AND region_id = ?";
        execute(
            world.db.primary(),
            sql,
            [world.d1.as_str().into(), world.regions[0].as_str().into()],
        )
        .await;
        world.schedule(STANDBY, 0).await;
        world
            .becomes("standby: stopped 10, stopped 21; counters 10 21")
            .await;
    });
}
