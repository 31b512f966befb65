//! The deployment that serves production stays up, whatever races with what.

use crate::world::*;
use std::time::Duration;

#[test]
fn dpl_8_the_current_deployment_is_protected() {
    testbed::scenario!("DPL-8");
    testbed::run(async {
        let world = World::new().await;
        world.set_current(Some(&world.d1)).await;
        for (count, target) in [(1, STANDBY), (2, ARCHIVED)] {
            world.schedule(target, 0).await;
            let changes = world.ended(count).await;
            let last = &changes[count - 1];
            assert_eq!(last["completion_result"], "failure", "{last}");
            let failure = last["completion_failure"].as_str().expect("text");
            assert!(
                failure.contains("409") && failure.contains("CW0022"),
                "{failure}"
            );
            assert_eq!(world.picture().await, UNTOUCHED);
            assert_eq!(world.transition().await, None);
        }
        // running is always allowed
        world.schedule(RUNNING, 0).await;
    });
}

#[test]
fn dpl_9_a_promotion_before_the_guard_is_seen_by_it() {
    testbed::scenario!("DPL-9");
    testbed::run(async {
        let _alone = alone().await;
        let world = World::new().await;
        let promote = world.db.begin().await.expect("begin");
        let sql = "UPDATE apps SET current_deployment_id = ? WHERE id = ?";
        execute(
            &promote,
            sql,
            [world.d1.as_str().into(), world.app_id.as_str().into()],
        )
        .await;
        world.schedule(STANDBY, 0).await;
        waits_for_a_lock(&world.db, "%FROM `apps`%FOR UPDATE%").await;
        promote.commit().await.expect("commit");
        let failure = world.ended(1).await[0]["completion_failure"]
            .as_str()
            .expect("text")
            .to_owned();
        assert!(failure.contains("CW0022"), "{failure}");
        assert_eq!(world.picture().await, UNTOUCHED);
    });
}

#[test]
fn dpl_9_a_promotion_after_the_guard_waits_and_finds_a_sleeper() {
    testbed::scenario!("DPL-9");
    testbed::run(async {
        let _alone = alone().await;
        let world = World::new().await;
        // The handler has passed its guard and waits for the deployment's row.
        let pause = world.db.begin().await.expect("begin");
        let sql = "UPDATE deployments SET updated_at = updated_at WHERE id = ?";
        execute(&pause, sql, [world.d1.as_str().into()]).await;
        world.schedule(STANDBY, 0).await;
        waits_for_a_lock(&world.db, "%FROM `deployments`%FOR UPDATE%").await;
        let promotion = tokio::spawn({
            let (db, app_id, d1) = (world.db.clone(), world.app_id.clone(), world.d1.clone());
            async move {
                // as RoutingService does: the app's row first, and only what is to run goes live
                let tx = db.begin().await.expect("begin");
                execute(
                    &tx,
                    "UPDATE apps SET updated_at = 1 WHERE id = ?",
                    [app_id.as_str().into()],
                )
                .await;
                let sql = "UPDATE apps SET current_deployment_id = ? WHERE id = ? AND EXISTS \
                           (SELECT 1 FROM deployments WHERE id = ? AND desired_state = 'running')";
                execute(
                    &tx,
                    sql,
                    [
                        d1.as_str().into(),
                        app_id.as_str().into(),
                        d1.as_str().into(),
                    ],
                )
                .await;
                tx.commit().await.expect("commit");
            }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(
            !promotion.is_finished(),
            "the pointer cannot move between guard and write"
        );
        assert_eq!(world.picture().await, UNTOUCHED);
        pause.rollback().await.expect("rollback");
        promotion.await.expect("no panic");
        world.ended(1).await;
        let sql = "SELECT current_deployment_id FROM apps WHERE id = ?";
        let current: String = query(&world.db, sql, [world.app_id.as_str().into()]).await[0]
            .try_get_by_index(0)
            .expect("text");
        assert_eq!(
            (current, world.picture().await),
            (world.d9.clone(), ASLEEP.to_owned()),
            "no row of a current deployment is stopped"
        );
    });
}

#[test]
fn deployments_do_not_block_each_other() {
    testbed::run(async {
        let _alone = alone().await;
        let (stuck, free) = (World::new().await, World::new().await);
        let pause = stuck.db.begin().await.expect("begin");
        execute(
            &pause,
            "UPDATE apps SET updated_at = 1 WHERE id = ?",
            [stuck.app_id.as_str().into()],
        )
        .await;
        stuck.schedule(STANDBY, 0).await;
        free.schedule(STANDBY, 0).await;
        free.becomes(ASLEEP).await;
        assert_eq!(stuck.picture().await, UNTOUCHED);
        pause.rollback().await.expect("rollback");
        stuck.becomes(ASLEEP).await;
    });
}
