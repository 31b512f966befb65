//! What is copied, and what is not.

use crate::world::*;

#[test]
fn s_1_three_fresh_keys_are_copied_to_the_minute() {
    testbed::scenario!("S-1");
    testbed::run(async {
        let w = World::new().await;
        let now = mysql::now_ms();
        let events = [("a", now - 1), ("b", now - 61_234), ("c", now - 3_600_000)];
        for (name, at) in events {
            w.key(name).await;
            w.used(name, at).await;
        }
        w.key("unused").await;
        // what MySQL does not know is no error and counts nowhere
        w.used("unknown", now).await;
        assert_eq!(w.run().await, 3);
        for (name, at) in events {
            assert_eq!(w.last_used(name).await, minute(at), "{name}");
        }
        assert_eq!(w.last_used("unused").await, 0);
    });
}

#[test]
fn s_2_a_newer_value_stays() {
    testbed::scenario!("S-2");
    testbed::run(async {
        let w = World::new().await;
        let now = mysql::now_ms();
        let newer = minute(now) + 5 * MINUTE;
        w.keys(&[("newer".to_owned(), newer), ("older".to_owned(), 7)])
            .await;
        w.used("newer", now).await;
        w.used("older", now).await;
        assert_eq!(w.run().await, 1, "only what changed counts");
        assert_eq!(w.last_used("newer").await, newer);
        assert_eq!(w.last_used("older").await, minute(now));
    });
}

#[test]
fn s_3_a_second_run_without_events_changes_nothing() {
    testbed::scenario!("S-3");
    testbed::run(async {
        let w = World::new().await;
        let now = mysql::now_ms();
        for name in ["a", "b"] {
            w.key(name).await;
            w.used(name, now).await;
        }
        assert_eq!(w.run().await, 2);
        assert_eq!(w.run().await, 0);
        let later = now + 2 * MINUTE;
        w.used("a", later.min(mysql::now_ms())).await;
        w.set_last_used("a", 0).await;
        assert_eq!(w.run().await, 1, "a run does look");
    });
}

#[test]
fn s_6_another_division_starts_over_and_moves_nothing_back() {
    testbed::scenario!("S-6");
    testbed::run(async {
        let w = World::new().await;
        let now = mysql::now_ms();
        let long_ago = now - 3_600_000;
        let names: Vec<String> = (0..64).map(|i| format!("k{i}")).collect();
        for name in &names {
            w.key(name).await;
            w.used(name, long_ago).await;
        }
        let mut synced = 0;
        for key in 0..8 {
            synced += w.partition(&key.to_string(), 8).await;
        }
        assert_eq!(synced, 64, "8 partitions have every key");
        // an event of now puts the cursors far beyond the first ones
        for name in &names {
            w.used(name, now).await;
        }
        for key in 0..8 {
            w.partition(&key.to_string(), 8).await;
        }
        assert_eq!(w.state("3", "total_partitions").await, Some(8.into()));
        // only a full resync can bring back what was long ago
        let lost = "lost";
        w.key(lost).await;
        w.used(lost, long_ago).await;
        let newer = minute(now) + 10 * MINUTE;
        w.set_last_used("k0", newer).await;
        for key in 0..8 {
            assert_eq!(
                w.partition(&key.to_string(), 8).await,
                0,
                "behind every cursor"
            );
        }
        let mut synced = 0;
        for key in 0..16 {
            synced += w.partition(&key.to_string(), 16).await;
        }
        assert_eq!(synced, 1, "the lost one");
        assert_eq!(w.last_used(lost).await, minute(long_ago));
        assert_eq!(w.last_used("k0").await, newer, "nothing moved back");
        assert_eq!(w.state("3", "total_partitions").await, Some(16.into()));
    });
}
