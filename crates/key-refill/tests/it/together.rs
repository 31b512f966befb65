//! Runs that meet other runs, and other writers of the same keys.

use crate::world::*;
use faults::http::Script;
use key_refill_client::SERVICE;
use mysql::Db;
use serde_json::json;

/// Waits until the service waits for the lock of a key.
async fn waits_for_a_key(db: &Db) {
    let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID() \
               AND COMMAND IN ('Query', 'Execute') AND TIME_MS > 200 AND INFO LIKE '%FROM `keys`%FOR UPDATE%'";
    testbed::eventually(SOON, || async {
        let statement =
            mysql::sea_orm::Statement::from_string(mysql::sea_orm::DbBackend::MySql, sql);
        let row = mysql::sea_orm::ConnectionTrait::query_one_raw(db.primary(), statement).await;
        row.expect("asked")
            .expect("a row")
            .try_get_by_index::<i64>(0)
            .expect("a count")
            > 0
    })
    .await;
}

#[test]
fn ref_8_a_date_refills_a_key_once_whatever_the_suffix() {
    testbed::scenario!("REF-8");
    testbed::run(async {
        let world = World::new().await;
        let keys = world.keys(&daily(), 3).await;
        let date = again("2025-06-14");
        assert_eq!(world.run(&date).await.expect("runs"), 3);
        for key in &keys {
            world.set_remaining(key, 40).await;
        }
        assert_eq!(world.run(&date).await.expect("runs again"), 0);
        assert_eq!(world.run(&again("2025-06-14")).await.expect("runs"), 0);
        for key in &keys {
            assert_eq!(world.remaining(key).await, Some(40));
            assert_eq!(world.audits_of(key).await, 1);
        }
        assert_eq!(world.run(&again("2025-06-15")).await.expect("runs"), 3);
        for key in &keys {
            assert_eq!(world.remaining(key).await, Some(1000));
            assert_eq!(world.audits_of(key).await, 2);
        }
    });
}

#[test]
fn missed_dates_are_caught_up_in_order_each_with_its_own_entries() {
    testbed::run(async {
        let world = World::new().await;
        let every_day = world.key(&daily()).await;
        let on_the_13th = world.key(&monthly(13)).await;
        for (date, count) in [("2025-06-12", 1), ("2025-06-13", 2), ("2025-06-14", 1)] {
            assert_eq!(
                world.run(&again(date)).await.expect("runs"),
                count,
                "{date}"
            );
            world.set_remaining(&every_day, 5).await;
        }
        assert_eq!(world.audits_of(&every_day).await, 3);
        assert_eq!(world.audits_of(&on_the_13th).await, 1);
    });
}

#[test]
fn ref_16_two_triggers_run_one_after_the_other_and_the_second_finds_nothing() {
    testbed::scenario!("REF-16");
    testbed::run(async {
        let world = World::with(small(), Script::new().answer(200, "ok")).await;
        world.keys(&daily(), 8).await;
        let date = again("2025-06-14");
        let ingress = testbed::ingress().await;
        // The first holds the object while it waits for a key.
        let pause = world.db.begin().await.expect("begin");
        execute(&pause, "UPDATE `keys` SET start = 'held' WHERE pk = 5", []).await;
        let mut ids = Vec::new();
        for _ in 0..2 {
            let id = ingress
                .send(SERVICE, &*date, "RunRefill", &json!({}), None)
                .await;
            ids.push(id.expect("sent"));
        }
        waits_for_a_key(&world.db).await;
        let sql = format!(
            "SELECT status FROM sys_invocation WHERE target_service_key = '{date}' ORDER BY status"
        );
        let statuses = testbed::admin()
            .await
            .query(&sql)
            .await
            .expect("invocations");
        assert_eq!(
            statuses,
            [json!({"status": "pending"}), json!({"status": "running"})]
        );
        pause.rollback().await.expect("rollback");

        let mut counts = Vec::new();
        for id in ids {
            let answer = ingress.attach(&id).await.expect("runs");
            counts.push(answer["keysRefilled"].as_i64().unwrap_or(0));
        }
        assert_eq!(counts, [8, 0]);
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_log").await, 8);
    });
}

#[test]
fn two_objects_of_one_date_share_the_keys_between_them() {
    testbed::run(async {
        let world = World::with(small(), Script::new().answer(200, "ok")).await;
        world.keys(&daily(), 20).await;
        let (one, other) = (again("2025-06-14"), again("2025-06-14"));
        let (one, other) = tokio::join!(world.run(&one), world.run(&other));
        assert_eq!(one.expect("runs") + other.expect("runs"), 20);
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_log").await, 20);
        assert_eq!(
            world.count("SELECT COUNT(*) FROM audit_log_target").await,
            40
        );
    });
}

/// Another writer holds a key that was found due, and commits before the refill gets its lock.
async fn meanwhile(change: &str) -> (World, String, i64) {
    let world = World::new().await;
    world.key(&daily()).await;
    let low = Key {
        amount: Some(10),
        remaining: Some(5),
        ..daily()
    };
    let key = world.key(&low).await;
    let other = world.db.begin().await.expect("begin");
    let sql = format!("UPDATE `keys` SET {change} WHERE id = ?");
    execute(&other, &sql, [key.as_str().into()]).await;
    let date = again("2025-06-14");
    let commit = async {
        waits_for_a_key(&world.db).await;
        other.commit().await.expect("commit");
    };
    let (count, ()) = tokio::join!(world.run(&date), commit);
    (world, key, count.expect("runs"))
}

#[test]
fn ref_13_a_top_up_in_the_meantime_stays() {
    testbed::scenario!("REF-13");
    testbed::run(async {
        let (world, key, count) = meanwhile("remaining_requests = 5000").await;
        assert_eq!(count, 1, "the other key");
        assert_eq!(world.remaining(&key).await, Some(5000));
        assert_eq!(world.audits_of(&key).await, 0);
    });
}

#[test]
fn a_key_deleted_in_the_meantime_stays_as_it_is() {
    testbed::run(async {
        let (world, key, count) = meanwhile("deleted_at_m = 1").await;
        assert_eq!(count, 1, "the other key");
        assert_eq!(world.remaining(&key).await, Some(5));
        assert_eq!(world.audits_of(&key).await, 0);
    });
}
