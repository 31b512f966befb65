//! Lost answers of every step, a database that is away, and the order of the steps.

use crate::world::{SOON, World, endpoint};
use environment_client::SERVICE;
use faults::{Cut, serve_behind_on};
use mysql::{Db, Options};
use std::time::Duration;
use testbed::{Proxy, Restate, RestateOptions};

/// Every step in the order of a round; the upgrade contract.
const STEPS: [&str; 10] = [
    "find environment",
    "delete frontline routes",
    "delete settings",
    "cancel invocations",
    "end deployments",
    "stop topologies",
    "archive sentinels",
    "delete custom domains",
    "delete deployments",
    "delete environment",
];

async fn own_restate() -> Restate {
    Restate::start(RestateOptions::default())
        .await
        .expect("Restate")
}

#[test]
fn d_3_a_lost_answer_of_any_step_leaves_nothing_and_tells_the_edge_once() {
    testbed::scenario!("D-3");
    testbed::run(async {
        let restate = own_restate().await;
        let proxy = serve_behind_on(&restate, endpoint(testbed::db().await, restate.admin())).await;
        for step in STEPS {
            let world = World::on(&restate).await;
            let id = world.production.id.as_str();
            // Nothing to wait for: the last step of the first round is the one that removes.
            let last = step == "delete environment";
            if last {
                let sql = "DELETE FROM deployment_topology WHERE deployment_id = ?";
                world
                    .execute(sql, [world.production.running.as_str().into()])
                    .await;
                world
                    .execute(
                        "DELETE FROM sentinels WHERE environment_id = ?",
                        [id.into()],
                    )
                    .await;
            }
            let cut = proxy.cut(Cut::run_result(SERVICE, "Delete", step).of_key(id));
            world.delete(id).await.expect("begun");
            world.becomes_nothing(&world.production).await;
            assert!(cut.wait(SOON).await.is_some(), "{step} was cut");
            world.ends(id).await;
            // Of two regions each: running topology, sentinels; written once, whatever was lost.
            for region in &world.app.regions {
                let counter = mysql::counter::read(world.db.primary(), &region.id)
                    .await
                    .expect("counter");
                // Seeded: 2 topologies, 2 policies, 1 sentinel per environment. Told: 1 topology, 1 sentinel.
                assert_eq!(counter, if last { 10 } else { 12 }, "{step}");
            }
            let audit = "SELECT id AS t FROM audit_log WHERE event = 'environment.delete' AND workspace_id = ?";
            let entries = world
                .texts(audit, [world.app.workspace_id.as_str().into()])
                .await;
            assert_eq!(entries.len(), 1, "{step}");
        }
    });
}

#[test]
fn d_7_the_order_of_the_steps() {
    testbed::scenario!("D-7");
    testbed::run(async {
        let world = World::new().await;
        let id = world.production.id.clone();
        let db = world.db.clone();
        let deployments = world.production.deployments().map(str::to_owned);
        // Nobody ever sees a workload without its deployment.
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let observer = tokio::spawn(async move {
            let sql = "SELECT t.pk FROM deployment_topology t LEFT JOIN deployments d ON d.id = t.deployment_id
                       WHERE t.deployment_id IN (?, ?, ?) AND d.id IS NULL";
            let mut looks = 0;
            while stopped.try_recv().is_err() {
                let values = deployments
                    .each_ref()
                    .map(|d| mysql::sea_orm::Value::from(d.as_str()));
                let orphans: Vec<mysql::sea_orm::QueryResult> = {
                    use mysql::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
                    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
                    db.primary().query_all_raw(statement).await.expect("a look")
                };
                assert!(orphans.is_empty());
                looks += 1;
            }
            looks
        });
        world.delete(&id).await.expect("begun");
        world.becomes_nothing(&world.production).await;
        world.ends(&id).await;
        stop.send(()).expect("the observer looks");
        assert!(observer.await.expect("no orphan") > 10);

        let sql = format!(
            "SELECT i.id, j.index, j.name FROM sys_journal j JOIN sys_invocation i ON i.id = j.id WHERE i.target_service_name = '{SERVICE}'
             AND i.target_service_key = {} AND j.entry_type = 'Command: Run' ORDER BY i.created_at, i.id, j.index",
            restate_api::quoted(&id)
        );
        let rows = world.admin.query(&sql).await.expect("journal");
        let first = rows[0]["id"].clone();
        let names: Vec<&str> = rows
            .iter()
            .filter(|row| row["id"] == first)
            .filter_map(|row| row["name"].as_str())
            .collect();
        assert_eq!(names, STEPS);
    });
}

/// A worker whose way to the database can be cut.
async fn behind_proxy(restate: &Restate) -> (Proxy, testbed::Served) {
    let dsn = &testbed::shared_database().await.dsn;
    let address = dsn
        .split_once("tcp(")
        .and_then(|(_, rest)| rest.split_once(')'))
        .expect("an address")
        .0;
    let database = Proxy::start(address.parse().expect("an address"))
        .await
        .expect("proxy");
    let options = Options::new(dsn.replace(address, &database.addr().to_string())).lazy();
    let db = Db::connect(&options).await.expect("lazy");
    let served = testbed::serve_on(restate, endpoint(db, restate.admin())).await;
    (database, served)
}

#[test]
fn d_4_while_the_database_is_away_nothing_is_lost_and_no_parent_goes_first() {
    testbed::scenario!("D-4");
    testbed::run(async {
        let restate = own_restate().await;
        let (database, _served) = behind_proxy(&restate).await;
        let world = World::on(&restate).await;
        let id = world.production.id.as_str();
        world.delete(id).await.expect("begun");
        // Waiting for the edge: rows are left, and so is the environment.
        let before = world.left(&world.production).await;
        assert!(
            before.contains_key("deployments") && before.contains_key("environments"),
            "{before:?}"
        );
        database.cut();
        world.edge_obeys().await;
        testbed::eventually(SOON, || async {
            let sql = format!(
                "SELECT id FROM sys_invocation WHERE target_service_key = {} AND retry_count > 1",
                restate_api::quoted(id)
            );
            !restate
                .admin()
                .query(&sql)
                .await
                .expect("invocations")
                .is_empty()
        })
        .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let left = world.left(&world.production).await;
        assert!(
            left.contains_key("deployments") && left.contains_key("environments"),
            "{left:?}"
        );
        database.heal();
        world.becomes_nothing(&world.production).await;
        world.ends(id).await;
    });
}
