//! Events that arrive late, events that claim to be of the future, and a database that refuses for a moment.

use serde_json::json;

use crate::world::*;

#[test]
fn s_9_an_event_that_arrives_two_minutes_late_is_copied_by_the_next_run() {
    testbed::scenario!("S-9");
    testbed::run(async {
        let w = World::new().await;
        let now = mysql::now_ms();
        for name in ["a", "late"] {
            w.key(name).await;
        }
        w.used("a", now).await;
        assert_eq!(w.partition("0", 1).await, 1);
        assert_eq!(w.state("0", "cursor_time").await, Some(json!(now)));
        w.used("late", now - 2 * MINUTE).await;
        assert_eq!(w.partition("0", 1).await, 1);
        assert_eq!(w.last_used("late").await, minute(now - 2 * MINUTE));
        assert_eq!(
            w.state("0", "cursor_time").await,
            Some(json!(now)),
            "the cursor did not move back"
        );
        assert_eq!(w.state("0", "cursor_key_id").await, Some(json!(w.id("a"))));
    });
}

#[test]
fn an_event_of_the_future_hides_none_of_the_present() {
    testbed::run(async {
        let w = World::new().await;
        let now = mysql::now_ms();
        for name in ["fast", "a"] {
            w.key(name).await;
        }
        w.used("fast", now + 24 * 60 * MINUTE).await;
        assert_eq!(w.partition("0", 1).await, 1);
        assert!(
            w.last_used("fast").await <= mysql::now_ms(),
            "not used before its time"
        );
        let cursor = w
            .state("0", "cursor_time")
            .await
            .and_then(|v| v.as_i64())
            .expect("a cursor");
        assert!((now..=mysql::now_ms()).contains(&cursor), "{cursor}");
        w.used("a", mysql::now_ms()).await;
        w.partition("0", 1).await;
        assert!(w.last_used("a").await >= minute(now));
    });
}

#[test]
fn s_7_a_deadlock_is_tried_again_within_the_step() {
    testbed::scenario!("S-7");
    testbed::run(async {
        let w = World::new().await;
        let now = mysql::now_ms();
        // whoever changed more rows wins a deadlock
        let ballast: Vec<(String, i64)> = (0..300).map(|i| (format!("x{i:03}"), 0)).collect();
        w.keys(&ballast).await;
        for name in ["a", "b"] {
            w.key(name).await;
            w.used(name, now).await;
        }
        let deadlocks = || async {
            let rows = query(&w.db, "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'", []).await;
            let text: String = rows[0].try_get_by_index(1).expect("a number");
            text.parse::<u64>().expect("a number")
        };
        let before = deadlocks().await;
        let other = w.db.begin().await.expect("begin");
        // by the index and by nothing wider: a must stay free for the step
        let lock = |which: String| {
            format!("UPDATE `keys` FORCE INDEX (keys_id_unique) SET name = 'other' WHERE {which}")
        };
        let one = |name: &str| lock(format!("id = '{}'", w.id(name)));
        let ballast = lock(format!("id >= '{}' AND id < '{}'", w.id("x"), w.id("y")));
        for sql in [ballast, one("b")] {
            mysql::sql::execute(&*other, &sql, [])
                .await
                .expect("locked");
        }
        let deadlock = async {
            // the step holds a and waits for b
            let waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID() \
                           AND COMMAND IN ('Query', 'Execute') AND TIME_MS > 300 AND INFO LIKE '%last_used_at%'";
            testbed::eventually(SOON, || async {
                query(&w.db, waiting, []).await[0]
                    .try_get_by_index::<i64>(0)
                    .expect("a number")
                    > 0
            })
            .await;
            mysql::sql::execute(&*other, &one("a"), [])
                .await
                .expect("the step is chosen, not this");
            other.commit().await.expect("commit");
        };
        let (synced, ()) = tokio::join!(w.partition("0", 1), deadlock);
        assert_eq!(synced, 2);
        assert!(deadlocks().await > before, "there was a deadlock");
        for name in ["a", "b"] {
            assert_eq!(w.last_used(name).await, minute(now), "{name}");
        }
        let sql = format!(
            "SELECT retry_count FROM sys_invocation WHERE target_service_name = '{PARTITION}'"
        );
        let rows = w.restate.admin().query(&sql).await.expect("an invocation");
        assert!(
            rows.iter()
                .all(|r| r["retry_count"].as_u64().unwrap_or(0) <= 1),
            "{rows:?}"
        );
        let steps = w.journal(PARTITION).await;
        assert_eq!(
            steps.iter().filter(|c| *c == "Run batch").count(),
            1,
            "{steps:?}"
        );
    });
}
