//! Versions under concurrency, after loss, and against readers that keep only a cursor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use mysql::entity::ctrl_worker_region_counters as counters;
use mysql::sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement};
use mysql::{Db, counter, migrate, retry};

use crate::rows::insert;
use crate::{db, execute, fresh};

fn region() -> String {
    ids::random(ids::Prefix::REGION)
}

// Without retry: drawing alone must never make a deadlock, a new region's first draws included.
async fn next(db: &Db, region: &str) -> u64 {
    let tx = db.begin().await.unwrap();
    let v = counter::next(&tx, region).await.unwrap();
    tx.commit().await.unwrap();
    v
}

async fn draw(db: &Db, region: &str, nonce: &str, floor: u64) -> u64 {
    let tx = db.begin().await.unwrap();
    let v = counter::draw(&tx, region, nonce, floor).await.unwrap();
    tx.commit().await.unwrap();
    v
}

#[test]
fn a_counter_that_was_only_locked_starts_from_the_rows() {
    testbed::run(async {
        let region = region();
        topology(db().await.primary(), &region, 40).await;
        let tx = db().await.begin().await.unwrap();
        counter::raise(&tx, &region, 0).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            counter::read(db().await.primary(), &region).await.unwrap(),
            40
        );
        assert_eq!(next(db().await, &region).await, 41);
    })
}

#[test]
fn concurrent_first_draws_by_nonce_do_not_deadlock_either() {
    testbed::run(async {
        let (shared, region) = (db().await, region());
        let nonces: Vec<_> = (0..50).map(|n| format!("nonce {n}")).collect();
        let drawn = join_all(nonces.iter().map(|nonce| draw(shared, &region, nonce, 0))).await;
        assert_eq!(
            drawn.into_iter().collect::<BTreeSet<_>>(),
            (1..=50).collect()
        );
    })
}

async fn topology(connection: &impl ConnectionTrait, region: &str, version: u64) {
    let version = version.to_string();
    insert(
        connection,
        "deployment_topology",
        &[("region_id", region), ("version", &version)],
        false,
    )
    .await
    .unwrap();
}

/// One poll of an edge agent: versions of the region above the cursor, ascending.
async fn poll(db: &Db, region: &str, cursor: u64) -> Vec<u64> {
    let sql = "SELECT version FROM deployment_topology WHERE region_id = ? AND version > ? ORDER BY version LIMIT 100";
    let statement =
        Statement::from_sql_and_values(DbBackend::MySql, sql, [region.into(), cursor.into()]);
    let rows = db.primary().query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

#[test]
fn the_first_versions_of_a_region_are_1_and_2_and_reading_draws_none() {
    testbed::run(async {
        let region = region();
        assert_eq!(
            counter::read(db().await.primary(), &region).await.unwrap(),
            0
        );
        assert!(
            counters::Entity::find_by_id(&region)
                .one(db().await.primary())
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(next(db().await, &region).await, 1);
        assert_eq!(next(db().await, &region).await, 2);
        for _ in 0..2 {
            assert_eq!(
                counter::read(db().await.primary(), &region).await.unwrap(),
                2
            );
        }
    })
}

#[test]
fn two_hundred_concurrent_draws_in_a_new_region_are_1_to_200() {
    testbed::run(async {
        let shared = db().await;
        let region = region();
        let drawn = join_all((0..200).map(|_| next(shared, &region))).await;
        assert_eq!(
            drawn.iter().copied().collect::<BTreeSet<_>>(),
            (1..=200).collect()
        );
        let nonces: Vec<_> = (0..200).map(|n| format!("nonce {n}")).collect();
        let drawn = join_all(nonces.iter().map(|nonce| draw(shared, &region, nonce, 0))).await;
        assert_eq!(
            drawn.iter().copied().collect::<BTreeSet<_>>(),
            (201..=400).collect()
        );
    })
}

#[test]
fn regions_count_on_their_own_and_a_locked_one_holds_up_no_other() {
    testbed::run(async {
        let (one, two) = (region(), region());
        for v in 1..=3 {
            assert_eq!(
                (next(db().await, &one).await, next(db().await, &two).await),
                (v, v)
            );
        }
        let holder = db().await.begin().await.unwrap();
        counter::next(&holder, &one).await.unwrap();
        let quick = tokio::time::timeout(Duration::from_secs(2), next(db().await, &two)).await;
        assert_eq!(quick.expect("not held up"), 4);

        let both = BTreeSet::from([one.clone(), two.clone()]);
        holder.rollback().await.unwrap();
        let tx = db().await.begin().await.unwrap();
        let drawn = counter::next_many(&tx, &both).await.unwrap();
        assert_eq!(drawn, BTreeMap::from([(one.clone(), 4), (two.clone(), 5)]));
        assert!(
            counter::next_many(&tx, &BTreeSet::new())
                .await
                .unwrap()
                .is_empty()
        );
        tx.rollback().await.unwrap();
        assert_eq!(
            next(db().await, &one).await,
            4,
            "a rolled back draw is not used up"
        );
    })
}

#[test]
fn a_second_draw_waits_until_the_first_has_committed() {
    testbed::run(async {
        let region = region();
        let first = db().await.begin().await.unwrap();
        let a = counter::next(&first, &region).await.unwrap();
        let second = next(db().await, &region);
        tokio::pin!(second);
        let early = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
        assert!(
            early.is_err(),
            "the later number could have been committed first"
        );
        topology(&first, &region, a).await;
        first.commit().await.unwrap();
        assert_eq!(second.await, a + 1);
    })
}

#[test]
fn a_reader_with_only_a_cursor_sees_every_row_of_concurrent_writers() {
    testbed::scenario!("VER-12");
    testbed::run(async {
        let region = region();
        let done = AtomicBool::new(false);
        let reader = async {
            let (mut cursor, mut seen) = (0, Vec::<u64>::new());
            loop {
                let last_round = done.load(Ordering::SeqCst);
                let rows = poll(db().await, &region, cursor).await;
                cursor = rows.last().copied().unwrap_or(cursor);
                seen.extend(&rows);
                if last_round && rows.is_empty() {
                    return seen;
                }
            }
        };
        let writer = async |_: usize| {
            retry(|| async {
                let tx = db().await.begin().await?;
                let v = counter::next(&tx, &region).await?;
                tokio::time::sleep(Duration::from_millis(rand::random_range(0..8))).await;
                topology(&tx, &region, v).await;
                tx.commit().await
            })
            .await
            .unwrap();
        };
        let writers = async {
            join_all((0..100).map(writer)).await;
            done.store(true, Ordering::SeqCst);
        };
        let (seen, ()) = tokio::join!(reader, writers);
        assert_eq!(seen, (1..=100).collect::<Vec<u64>>());
    })
}

#[test]
fn without_the_common_transaction_the_same_reader_misses_a_row() {
    // Shows that the test above can fail: number and row in two transactions.
    testbed::run(async {
        let region = region();
        let (a, b) = (
            next(db().await, &region).await,
            next(db().await, &region).await,
        );
        topology(db().await.primary(), &region, b).await;
        let cursor = *poll(db().await, &region, 0)
            .await
            .last()
            .expect("b is seen");
        topology(db().await.primary(), &region, a).await;
        assert!(
            poll(db().await, &region, cursor).await.is_empty(),
            "a is never seen"
        );
    })
}

#[test]
fn a_draw_repeated_with_its_nonce_gives_the_same_number_whatever_came_between() {
    testbed::run(async {
        let region = region();
        assert_eq!(draw(db().await, &region, "n1", 0).await, 1);
        assert_eq!(draw(db().await, &region, "n1", 0).await, 1);
        assert_eq!(next(db().await, &region).await, 2);
        assert_eq!(draw(db().await, &region, "n1", 0).await, 1);
        assert_eq!(draw(db().await, &region, "n2", 0).await, 3);
        assert_eq!(
            draw(db().await, &region, "n3", 7).await,
            8,
            "above the floor"
        );
        assert_eq!(draw(db().await, &region, "n4", 7).await, 9);
        topology(db().await.primary(), &region, 50).await;
        assert_eq!(
            draw(db().await, &region, "n5", 7).await,
            51,
            "above every row"
        );
    })
}

#[test]
fn a_counter_taken_over_goes_on_where_the_other_store_was() {
    testbed::run(async {
        let region = region();
        for (floor, then) in [(600, 601), (20, 602)] {
            let tx = db().await.begin().await.unwrap();
            counter::raise(&tx, &region, floor).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(next(db().await, &region).await, then);
        }
    })
}

#[test]
fn a_missing_counter_is_made_from_the_highest_version_of_the_three_tables() {
    testbed::run(async {
        let shared = db().await;
        for table in [
            "deployment_topology",
            "sentinels",
            "cilium_network_policies",
        ] {
            let region = region();
            insert(
                db().await.primary(),
                table,
                &[("region_id", &region), ("version", "500")],
                false,
            )
            .await
            .unwrap();
            assert_eq!(
                counter::read(db().await.primary(), &region).await.unwrap(),
                500
            );
            let drawn = join_all((0..20).map(|_| next(shared, &region))).await;
            assert_eq!(
                drawn.into_iter().collect::<BTreeSet<_>>(),
                (501..=520).collect(),
                "{table}"
            );
        }
    })
}

#[test]
fn a_lost_counter_table_goes_on_a_margin_above_the_rows() {
    testbed::run(async {
        let (db, options) = fresh("margin").await;
        let region = region();
        topology(db.primary(), &region, 500).await;
        migrate::run(&options).await.unwrap();
        assert_eq!(next(&db, &region).await, 501, "never lost: no margin");

        execute(db.primary(), "DROP TABLE ctrl_worker_region_counters", [])
            .await
            .unwrap();
        let error = db.begin().await.unwrap();
        let error = counter::next(&error, &region).await.unwrap_err();
        assert!(!error.is_transient(), "{error}");
        migrate::run(&options).await.unwrap();
        assert_eq!(next(&db, &region).await, 10_501);
        assert_eq!(next(&db, &region).await, 10_502);
        assert_eq!(
            draw(&db, &self::region(), "n", 0).await,
            10_001,
            "a new region too"
        );
    })
}
