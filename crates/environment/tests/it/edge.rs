//! What the edge is told, and when rows may go (invariant P3).

use crate::world::{SOON, World, timings};
use mysql::sea_orm::FromQueryResult;
use std::collections::BTreeMap;

#[derive(FromQueryResult)]
struct Row {
    region_id: String,
    version: u64,
    state: String,
}

async fn rows(world: &World, sql: &str, id: &str) -> BTreeMap<String, (u64, String)> {
    let rows: Vec<Row> = mysql::sql::all(world.db.primary(), sql, [id.into()])
        .await
        .expect("rows");
    rows.into_iter()
        .map(|r| (r.region_id, (r.version, r.state)))
        .collect()
}

const TOPOLOGY: &str = "SELECT region_id, version, CAST(desired_status AS CHAR) AS state FROM deployment_topology WHERE deployment_id = ?";
const SENTINELS: &str = "SELECT region_id, version, CAST(desired_state AS CHAR) AS state FROM sentinels WHERE environment_id = ?";

#[test]
fn workloads_are_stopped_with_new_versions_before_their_rows_go() {
    testbed::run(async {
        let world = World::new().await;
        let (workloads, gateways) = (
            rows(&world, TOPOLOGY, &world.production.running).await,
            rows(&world, SENTINELS, &world.production.id).await,
        );
        let mut highest = BTreeMap::new();
        for region in &world.app.regions {
            let v = mysql::counter::read(world.db.primary(), &region.id)
                .await
                .expect("counter");
            highest.insert(region.id.clone(), v);
        }
        let begun = mysql::now_ms();
        world.delete(&world.production.id).await.expect("begun");

        // The first round has told the edge; nobody obeys, so the rows stay.
        for (before, after, state) in [
            (
                &workloads,
                rows(&world, TOPOLOGY, &world.production.running).await,
                "stopped",
            ),
            (
                &gateways,
                rows(&world, SENTINELS, &world.production.id).await,
                "archived",
            ),
        ] {
            assert_eq!(before.len(), 2);
            for (region, (version, now)) in &after {
                assert_eq!(now, state);
                assert!(
                    *version > highest[region],
                    "a cursor sees it: {version} in {region}"
                );
            }
            assert_eq!(after.len(), before.len());
        }
        let sleeping = rows(&world, TOPOLOGY, &world.production.asleep).await;
        assert!(
            sleeping.is_empty(),
            "stopped long ago and gone from the edge: {sleeping:?}"
        );

        // Instances that are still reported keep the row for the whole time, and no longer.
        testbed::eventually(SOON, || async {
            world.left(&world.production).await.is_empty()
        })
        .await;
        let gone = mysql::now_ms();
        let least = i64::try_from(timings().gone_after.as_millis()).expect("small");
        assert!(gone - begun >= least, "gone after {} ms", gone - begun);
    });
}

#[test]
fn rows_go_early_once_the_instances_are_gone_but_not_before_every_agent_can_have_seen_it() {
    testbed::run(async {
        let world = World::new().await;
        let begun = mysql::now_ms();
        world.delete(&world.production.id).await.expect("begun");
        world.edge_obeys().await;
        let exists = "SELECT deployment_id AS t FROM deployment_topology WHERE deployment_id = ?";
        testbed::eventually(SOON, || async {
            world
                .texts(exists, [world.production.running.as_str().into()])
                .await
                .is_empty()
        })
        .await;
        let took = mysql::now_ms() - begun;
        let (settle, most) = (
            timings().settle.as_millis(),
            timings().gone_after.as_millis(),
        );
        assert!(took >= i64::try_from(settle).expect("small"), "{took} ms");
        assert!(took < i64::try_from(most).expect("small"), "{took} ms");
    });
}

#[test]
fn the_live_pointer_goes_before_its_deployment_stops() {
    testbed::run(async {
        let world = World::new().await;
        world.delete(&world.production.id).await.expect("begun");
        let app = "SELECT CONCAT(COALESCE(current_deployment_id, '-'), ' ', is_rolled_back) AS t FROM apps WHERE id = ?";
        assert_eq!(
            world.texts(app, [world.app.app_id.as_str().into()]).await,
            ["- 0"]
        );
        let state = "SELECT CAST(desired_state AS CHAR) AS t FROM deployments WHERE id = ?";
        assert_eq!(
            world
                .texts(state, [world.production.running.as_str().into()])
                .await,
            ["archived"]
        );
    });
}

#[test]
fn the_pointer_of_another_environment_stays() {
    testbed::run(async {
        let world = World::new().await;
        world.delete(&world.preview.id).await.expect("begun");
        let app = "SELECT CONCAT(COALESCE(current_deployment_id, '-'), ' ', is_rolled_back) AS t FROM apps WHERE id = ?";
        assert_eq!(
            world.texts(app, [world.app.app_id.as_str().into()]).await,
            [format!("{} 1", world.production.running)]
        );
    });
}
