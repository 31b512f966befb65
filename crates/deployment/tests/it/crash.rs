//! The worker dies in the middle of a transition, before its commit and after it.

use crate::world::*;
use mysql::{Db, Options};
use testbed::{Proxy, Restate, RestateOptions};

/// A worker whose connections to Restate and to the database can be cut.
struct Rig {
    restate: Restate,
    wire: Proxy,
    database: Proxy,
    _served: testbed::Served,
}

impl Rig {
    async fn start() -> Self {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
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
        let served = testbed::listen(endpoint(db)).await.expect("listen");
        let wire = Proxy::start(served.addr).await.expect("proxy");
        restate
            .admin()
            .register(&format!("http://{}", wire.addr()), true)
            .await
            .expect("register");
        Self {
            restate,
            wire,
            database,
            _served: served,
        }
    }
}

#[test]
fn dpl_10_a_crash_after_the_rows_were_written_repeats_nothing() {
    testbed::scenario!("DPL-10");
    testbed::run(async {
        let _alone = alone().await;
        let rig = Rig::start().await;
        let world = World::on(&rig.restate).await;
        let pause = world.db.begin().await.expect("begin");
        execute(
            &pause,
            "UPDATE deployments SET updated_at = updated_at WHERE id = ?",
            [world.d1.as_str().into()],
        )
        .await;
        world.schedule(STANDBY, 0).await;
        waits_for_a_lock(&world.db, "%FROM `deployments`%FOR UPDATE%").await;
        let calls = rig.wire.accepted();
        // From here on Restate hears nothing: the rows are committed, the step's record is lost.
        rig.wire.freeze();
        pause.rollback().await.expect("rollback");
        world.becomes(ASLEEP).await;
        let updated = |world: &World<'_>| {
            let (db, id) = (world.db.clone(), world.d1.clone());
            async move {
                let sql = "SELECT updated_at FROM deployment_topology WHERE deployment_id = ? ORDER BY region_id";
                let rows = query(&db, sql, [id.into()]).await;
                rows.iter()
                    .map(|row| row.try_get_by_index::<i64>(0).expect("number"))
                    .collect::<Vec<_>>()
            }
        };
        let written = updated(&world).await;
        assert_eq!(world.changes().await[0]["status"], "running");
        rig.wire.drop_connections();
        rig.wire.heal();
        let changes = world.ended(1).await;
        assert!(rig.wire.accepted() > calls, "Restate had to call again");
        assert_eq!(changes[0]["completion_result"], "success");
        assert_eq!(world.picture().await, ASLEEP, "no second version");
        assert_eq!(updated(&world).await, written, "no row was written again");
        assert_eq!(world.transition().await, None);
    });
}

#[test]
fn dpl_10_a_crash_before_the_commit_leaves_no_half() {
    testbed::scenario!("DPL-10");
    testbed::run(async {
        let _alone = alone().await;
        let rig = Rig::start().await;
        let world = World::on(&rig.restate).await;
        // The second region's counter is held: the first region's row is written, not committed.
        let pause = world.db.begin().await.expect("begin");
        let last = world.regions.iter().max().expect("two regions");
        execute(
            &pause,
            "UPDATE ctrl_worker_region_counters SET v = v WHERE region_id = ?",
            [last.as_str().into()],
        )
        .await;
        world.schedule(STANDBY, 0).await;
        waits_for_a_lock(&world.db, "%ctrl_worker_region_counters%").await;
        let connections = rig.database.accepted();
        rig.database.drop_connections();
        assert_eq!(world.picture().await, UNTOUCHED, "nothing of it is visible");
        pause.rollback().await.expect("rollback");
        world.becomes(ASLEEP).await;
        assert!(
            rig.database.accepted() > connections,
            "the worker had to connect again"
        );
        assert_eq!(world.ended(1).await[0]["completion_result"], "success");
        assert_eq!(world.transition().await, None);
    });
}
