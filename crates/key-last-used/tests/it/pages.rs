//! Many keys: pages, their edges, and a run that dies between two of them.

use std::sync::Arc;

use faults::Cut;
use key_last_used::Settings;
use notify::Heartbeat;
use serde_json::json;

use crate::world::*;

#[test]
fn s_4_thirty_thousand_keys_are_two_pages_and_the_first_is_not_read_again() {
    testbed::scenario!("S-4");
    testbed::run(async {
        let w = Arc::new(World::new().await);
        let base = minute(mysql::now_ms()) - 120 * MINUTE;
        let keys: Vec<(String, i64)> = (0..30_000).map(|i| (format!("{i:05}"), 0)).collect();
        w.keys(&keys).await;
        let sql = format!(
            "INSERT INTO `{}`.key_last_used_v1 (workspace_id, key_space_id, key_id, time) \
             SELECT 'ws', 'ks', concat('{}', leftPad(toString(number), 5, '0')), {base} + number FROM numbers(30000)",
            w.database, w.prefix
        );
        w.engine.query(&sql).await.expect("inserted");

        // The worker is cut off right before the second page. At that moment the first one is over and its cursor kept; a
        // key of it is reset, so that reading it again would show.
        let seen = Arc::clone(&w);
        let cut = Cut::command(PARTITION, "SyncPartition", FIRST_BATCH + 3)
            .of_key("0")
            .doing(move |_| {
                let w = Arc::clone(&seen);
                async move {
                    testbed::eventually(SOON, || async {
                        let kept = (
                            w.state("0", "cursor_time").await,
                            w.state("0", "cursor_key_id").await,
                        );
                        kept == (Some(json!(base + 24_999)), Some(json!(w.id("24999"))))
                    })
                    .await;
                    w.set_last_used("00007", 0).await;
                }
            });
        let cut = w.proxy.cut(cut);
        let synced = w.partition("0", 1).await;
        let at = cut.wait(SOON).await.expect("the cut happened");
        assert_eq!(at.name, "batch", "{at:?}");
        assert_eq!(
            w.last_used("00007").await,
            0,
            "the first page was not read again"
        );
        // the attempt that was cut off may have written some of the second page; those are not counted again
        assert!((25_000..=30_000).contains(&synced), "{synced}");
        let sql = "SELECT COUNT(*) FROM `keys` WHERE id LIKE ? AND last_used_at > 0";
        let rows = query(&w.db, sql, [format!("{}%", w.prefix).into()]).await;
        assert_eq!(
            rows[0].try_get_by_index::<i64>(0).expect("a number"),
            29_999,
            "all but the one that was reset"
        );
        let runs = w
            .journal(PARTITION)
            .await
            .into_iter()
            .filter(|c| c == "Run batch")
            .count();
        assert_eq!(runs, 2, "25 000 and 5 000");
        for (name, _) in [&keys[0], &keys[24_999], &keys[25_000], &keys[29_999]] {
            let offset: i64 = name.parse().expect("a number");
            assert_eq!(w.last_used(name).await, minute(base + offset), "{name}");
        }
        assert_eq!(
            w.state("0", "cursor_time").await,
            Some(json!(base + 29_999))
        );
    });
}

/// Index of the first step in the journal of a partition without state: input, three reads, three writes.
const FIRST_BATCH: usize = 7;

#[test]
fn s_5_keys_of_one_instant_on_both_sides_of_an_edge_are_copied() {
    testbed::scenario!("S-5");
    testbed::run(async {
        let settings = Settings {
            page: 2,
            ..Settings::default()
        };
        let w = World::with(settings, Heartbeat::none()).await;
        let now = mysql::now_ms();
        for (name, at) in [
            ("a", now - 5_000),
            ("b", now - 1_000),
            ("c", now - 1_000),
            ("d", now - 1_000),
        ] {
            w.key(name).await;
            w.used(name, at).await;
        }
        assert_eq!(w.partition("0", 1).await, 4);
        for name in ["b", "c", "d"] {
            assert_eq!(w.last_used(name).await, minute(now - 1_000), "{name}");
        }
        let runs = w
            .journal(PARTITION)
            .await
            .into_iter()
            .filter(|c| c == "Run batch")
            .count();
        assert_eq!(runs, 3, "two pages of two and one that was empty");
        assert_eq!(w.state("0", "cursor_key_id").await, Some(json!(w.id("d"))));
    });
}

#[test]
fn a_run_ends_after_so_many_pages_and_the_next_goes_on() {
    testbed::run(async {
        let settings = Settings {
            page: 2,
            most_pages: 2,
            lag: std::time::Duration::ZERO,
            ..Settings::default()
        };
        let w = World::with(settings, Heartbeat::none()).await;
        let now = mysql::now_ms();
        for i in 0..6 {
            let name = format!("k{i}");
            w.key(&name).await;
            w.used(&name, now - 10_000 + i).await;
        }
        assert_eq!(
            (
                w.partition("0", 1).await,
                w.partition("0", 1).await,
                w.partition("0", 1).await
            ),
            (4, 2, 0)
        );
    });
}
