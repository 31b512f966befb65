//! The worker dies before its commit or after it, or the database is away.

use crate::world::*;
use mysql::{Db, Options};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
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

    /// Calls while the app row is held; the answer of the first attempt is lost after its commit, which `committed`
    /// waits for.
    async fn lose_the_answer<T>(
        &self,
        world: &World<'_>,
        call: impl Future<Output = T>,
        committed: impl AsyncFn() -> bool,
    ) -> T {
        let pause = world.db.begin().await.expect("begin");
        execute(
            &pause,
            "UPDATE apps SET updated_at = 1 WHERE id = ?",
            [world.app.app_id.as_str().into()],
        )
        .await;
        let calls = self.wire.accepted();
        let faults = async {
            waits_for_a_lock(&world.db, "%FROM apps WHERE id%FOR UPDATE").await;
            self.wire.freeze();
            pause.rollback().await.expect("rollback");
            testbed::eventually(SOON, || committed()).await;
            self.wire.drop_connections();
            self.wire.heal();
        };
        let (answer, ()) = tokio::join!(call, faults);
        assert!(self.wire.accepted() > calls, "Restate had to call again");
        answer
    }
}

/// Where the app's three routes lead, in one snapshot.
async fn targets(world: &World<'_>) -> BTreeSet<String> {
    let sql = "SELECT deployment_id FROM frontline_routes WHERE app_id = ?";
    let rows = query(&world.db, sql, [world.app.app_id.as_str().into()]).await;
    rows.iter()
        .map(|row| row.try_get_by_index(0).expect("text"))
        .collect()
}

#[test]
fn rte_4_a_crash_mid_way_shows_none_or_all() {
    testbed::scenario!("RTE-4");
    testbed::run(async {
        let _alone = alone().await;
        let rig = Rig::start().await;
        let world = World::on(&rig.restate).await;
        // The last of three rows is held: the first is written, nothing is committed.
        let pause = world.db.begin().await.expect("begin");
        execute(
            &pause,
            "UPDATE frontline_routes SET updated_at = NULL WHERE id = ?",
            [world.f_br.as_str().into()],
        )
        .await;
        let routes = [&*world.f_env, &*world.f_live, &*world.f_br];
        let call = world.assign(&world.d2, &routes);
        let none = BTreeSet::from([world.d1.clone()]);
        let all = BTreeSet::from([world.d2.clone()]);
        let faults = async {
            waits_for_a_lock(&world.db, "UPDATE frontline_routes%").await;
            assert_eq!(targets(&world).await, none);
            let connections = rig.database.accepted();
            rig.database.drop_connections();
            for _ in 0..20 {
                assert_eq!(targets(&world).await, none);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            pause.rollback().await.expect("rollback");
            testbed::eventually(SOON, || async {
                let seen = targets(&world).await;
                assert!(seen == none || seen == all, "a mix: {seen:?}");
                seen == all
            })
            .await;
            assert!(
                rig.database.accepted() > connections,
                "the worker had to connect again"
            );
        };
        let (answer, ()) = tokio::join!(call, faults);
        assert_eq!(answer.expect("recovers"), json!({}));
        assert_eq!(targets(&world).await, all);
    });
}

#[test]
fn rte_4_a_crash_after_the_commit_changes_nothing_more() {
    testbed::scenario!("RTE-4");
    testbed::run(async {
        let _alone = alone().await;
        let rig = Rig::start().await;
        let world = World::on(&rig.restate).await;
        let routes = [&*world.f_env, &*world.f_live, &*world.f_br];
        let all = BTreeSet::from([world.d2.clone()]);
        let answer = rig
            .lose_the_answer(&world, world.assign(&world.d2, &routes), async || {
                targets(&world).await == all
            })
            .await;
        assert_eq!(answer.expect("recovers"), json!({}));
        assert_eq!(targets(&world).await, all);
    });
}

#[test]
fn a_swap_whose_answer_was_lost_gives_the_same_answer() {
    testbed::run(async {
        let _alone = alone().await;
        let rig = Rig::start().await;
        let world = World::on(&rig.restate).await;
        world.swap(&world.d2, true).await.expect("rolled back");
        let live = async |id: &str| world.pointer().await.0.as_deref() == Some(id);
        // what was live before, and what may sleep, are in no row any more when the step is repeated
        let answer = rig
            .lose_the_answer(&world, world.swap(&world.d3, false), async || {
                live(&world.d3).await
            })
            .await
            .expect("recovers");
        let mut released = [&world.d1, &world.d2];
        released.sort_unstable();
        assert_eq!(
            answer,
            json!({"previousDeploymentId": world.d2, "releasedDeploymentIds": released})
        );
        assert_eq!(
            world.picture().await,
            "env d3 live d3 branch d1; current d3"
        );

        world.swap(&world.d1, true).await.expect("rolled back");
        let confirmed = async || !world.pointer().await.1;
        let answer = rig
            .lose_the_answer(&world, world.swap(&world.d1, false), confirmed)
            .await
            .expect("recovers");
        assert_eq!(
            answer,
            json!({"previousDeploymentId": world.d1, "releasedDeploymentIds": [world.d3]})
        );
    });
}

#[test]
fn a_finish_whose_answer_was_lost_gives_the_same_answer() {
    testbed::run(async {
        let _alone = alone().await;
        let rig = Rig::start().await;
        let world = World::on(&rig.restate).await;
        let next = world.deployment("production", "finalizing").await;
        let ready = async || world.status(&next).await == "ready";
        let answer = rig
            .lose_the_answer(&world, world.finish(&next, &[&world.f_br]), ready)
            .await
            .expect("recovers");
        assert_eq!(
            answer,
            json!({"previousDeploymentId": world.d1, "wentLive": true})
        );
        assert_eq!(
            world.picture().await,
            format!("env {next} live {next} branch {next}; current {next}")
        );
    });
}

#[test]
fn rte_15_a_database_that_is_away_is_waited_for() {
    testbed::scenario!("RTE-15");
    testbed::run(async {
        let rig = Rig::start().await;
        let world = World::on(&rig.restate).await;
        world
            .assign(&world.d3, &[&world.f_env, &world.f_live, &world.f_br])
            .await
            .expect("while all is well");
        rig.database.cut();
        let routes = [&*world.f_env, &*world.f_live, &*world.f_br];
        let call = world.assign(&world.d2, &routes);
        let (before, after) = (
            BTreeSet::from([world.d3.clone()]),
            BTreeSet::from([world.d2.clone()]),
        );
        let outage = async {
            for _ in 0..60 {
                assert_eq!(targets(&world).await, before);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            rig.database.heal();
            testbed::eventually(SOON, || async {
                let seen = targets(&world).await;
                assert!(seen == before || seen == after, "a partial state: {seen:?}");
                seen == after
            })
            .await;
        };
        let (answer, ()) = tokio::join!(call, outage);
        assert_eq!(answer.expect("succeeds in the end"), json!({}));
        assert_eq!(targets(&world).await, after);
    });
}
