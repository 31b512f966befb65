//! The worker's own tables are dropped under it: nothing is lost but time.

use crate::world::*;
use mysql::{Db, Options};
use serde_json::json;
use std::time::Duration;
use testbed::{Restate, RestateOptions};

#[test]
fn dropped_tables_are_waited_for_and_what_they_held_is_found_in_the_rows() {
    testbed::run(async {
        let options = Options::new(testbed::migrated_database("lost_tables").await.dsn);
        let db = Db::connect(&options).await.expect("connect");
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let _served = testbed::serve_on(&restate, endpoint(db.clone())).await;
        let world = World::with(&restate, db).await;

        execute(world.db.primary(), "DROP TABLE ctrl_worker_swaps", []).await;
        let call = world.swap(&world.d2, false);
        let restore = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert_eq!(
                world.picture().await,
                UNTOUCHED,
                "nothing moves while a table is missing"
            );
            mysql::migrate::run(&options).await.expect("migrate");
        };
        let (swapped, ()) = tokio::join!(call, restore);
        assert_eq!(
            swapped.expect("in the end"),
            json!({"previousDeploymentId": world.d1, "releasedDeploymentIds": [world.d1]})
        );

        let sleep = "UPDATE deployments SET desired_state = 'standby' WHERE id = ?";
        execute(world.db.primary(), sleep, [world.d3.as_str().into()]).await;
        world.swap(&world.d1, true).await.expect("rolled back");
        execute(
            world.db.primary(),
            "DROP TABLE ctrl_worker_rollback_sources",
            [],
        )
        .await;
        mysql::migrate::run(&options).await.expect("migrate");
        let confirmed = world.swap(&world.d1, false).await.expect("confirmed");
        assert_eq!(
            confirmed,
            json!({"previousDeploymentId": world.d1, "releasedDeploymentIds": [world.d2]})
        );
        assert_eq!(
            world.picture().await,
            "env d1 live d1 branch d1; current d1"
        );
    });
}
