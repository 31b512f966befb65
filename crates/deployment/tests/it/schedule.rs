//! Which message may act, and when.

use crate::world::*;
use serde_json::json;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn dpl_1_a_delayed_standby_applies_when_it_is_due() {
    testbed::scenario!("DPL-1");
    testbed::run(async {
        let world = World::new().await;
        world.schedule(STANDBY, 900).await;
        let due = world.transition().await.expect("scheduled")["DueAtMs"]
            .as_i64()
            .expect("a number");
        world.becomes(ASLEEP).await;
        let sql = "SELECT updated_at FROM deployments WHERE id = ?";
        let written: i64 = query(&world.db, sql, [world.d1.as_str().into()]).await[0]
            .try_get_by_index(0)
            .expect("number");
        assert!(written >= due, "written {written}, due {due}");
        world.ended(1).await;
        assert_eq!(world.transition().await, None);
        testbed::assert_quiet(&[&world.d1]).await;
    });
}

#[test]
fn dpl_1_half_an_hour_is_half_an_hour() {
    testbed::scenario!("DPL-1", "DPL-2");
    testbed::run(async {
        let world = World::new().await;
        let before = mysql::now_ms();
        world.schedule(STANDBY, 1_800_000).await;
        let after = mysql::now_ms();
        let due = world.transition().await.expect("scheduled")["DueAtMs"]
            .as_i64()
            .expect("a number");
        assert!(
            (before + 1_800_000..=after + 1_800_000).contains(&due),
            "{due}"
        );
        let message = &world.changes().await[0];
        assert_eq!(message["status"], "scheduled");
        let at = message["scheduled_start_at"].as_str().expect("a time");
        let at = OffsetDateTime::parse(at, &Rfc3339)
            .expect("RFC 3339")
            .unix_timestamp_nanos()
            / 1_000_000;
        let (before, after) = (i128::from(before), i128::from(after));
        assert!(
            (before + 1_800_000..=after + 1_800_000).contains(&at),
            "the server wakes it at {at}"
        );
        assert_eq!(world.picture().await, UNTOUCHED);
        world.clear().await;
    });
}

#[test]
fn dpl_2_nothing_changes_before_its_time() {
    testbed::scenario!("DPL-2");
    testbed::run(async {
        let world = World::new().await;
        world.schedule(STANDBY, 1_500).await;
        let due = world.transition().await.expect("scheduled")["DueAtMs"]
            .as_i64()
            .expect("a number");
        let mut looks = 0;
        while mysql::now_ms() < due - 250 {
            let (picture, transition) = (world.picture().await, world.transition().await);
            if mysql::now_ms() < due {
                assert_eq!(picture, UNTOUCHED);
                assert_eq!(transition.expect("still scheduled")["To"], 2);
                looks += 1;
            }
            tokio::time::sleep(ms(20)).await;
        }
        assert!(looks > 3, "looked {looks} times");
        world.becomes(ASLEEP).await;
    });
}

#[test]
fn dpl_3_without_delay_it_applies_without_a_timer() {
    testbed::scenario!("DPL-3");
    testbed::run(async {
        let world = World::new().await;
        world.schedule(STANDBY, 0).await;
        world.becomes(ASLEEP).await;
        let changes = world.ended(1).await;
        assert_eq!(changes.len(), 1);
        assert!(
            changes[0]["scheduled_at"].is_null() && changes[0]["scheduled_start_at"].is_null(),
            "{}",
            changes[0]
        );
        assert_eq!(world.transition().await, None);
    });
}

#[test]
fn dpl_4_the_last_writer_wins_and_the_first_message_does_nothing() {
    testbed::scenario!("DPL-4");
    testbed::run(async {
        let world = World::new().await;
        // from standby, so that running again is a change one can see
        world.schedule(STANDBY, 0).await;
        world.ended(1).await;
        world.schedule(STANDBY, 800).await;
        world.schedule(RUNNING, 0).await;
        let awake = "running: running 12, running 22; counters 12 22";
        world.becomes(awake).await;
        let changes = world.ended(2).await;
        assert!(
            changes
                .iter()
                .all(|change| change["completion_result"] == "success"),
            "{changes:?}"
        );
        assert_eq!(
            world.picture().await,
            awake,
            "no row changed, no version was used"
        );
        assert_eq!(world.transition().await, None);
    });
}

#[test]
fn dpl_5_a_later_due_time_replaces_an_earlier_one() {
    testbed::scenario!("DPL-5");
    testbed::run(async {
        let world = World::new().await;
        world.schedule(STANDBY, 400).await;
        world.schedule(STANDBY, 1_500).await;
        let due = world.transition().await.expect("scheduled")["DueAtMs"]
            .as_i64()
            .expect("a number");
        world.ended(1).await;
        let (picture, transition) = (world.picture().await, world.transition().await);
        assert!(mysql::now_ms() < due, "looked too late for this machine");
        assert_eq!(picture, UNTOUCHED);
        assert!(transition.is_some());
        world.becomes(ASLEEP).await;
        world.ended(2).await;
        assert_eq!(world.picture().await, ASLEEP, "exactly once");
    });
}

#[test]
fn dpl_6_a_cleared_schedule_does_nothing_and_clearing_twice_is_fine() {
    testbed::scenario!("DPL-6");
    testbed::run(async {
        let world = World::new().await;
        world.schedule(STANDBY, 400).await;
        world.clear().await;
        assert_eq!(world.transition().await, None);
        world.clear().await;
        let changes = world.ended(1).await;
        assert_eq!(changes[0]["completion_result"], "success");
        assert_eq!(world.picture().await, UNTOUCHED);
        assert_eq!(world.transition().await, None);
    });
}

#[test]
fn dpl_7_after_a_clear_only_the_new_schedule_acts() {
    testbed::scenario!("DPL-7");
    testbed::run(async {
        let world = World::new().await;
        world.schedule(STANDBY, 300).await;
        world.clear().await;
        world.schedule(ARCHIVED, 1_200).await;
        world.ended(1).await;
        assert_eq!(world.picture().await, UNTOUCHED);
        world
            .becomes("archived: stopped 11, stopped 21; counters 11 21")
            .await;
        world.ended(2).await;
        assert_eq!(world.counters().await, [11, 21]);
    });
}

#[test]
fn dpl_14_of_fifty_at_once_the_one_stored_last_acts() {
    testbed::scenario!("DPL-14");
    testbed::run(async {
        let world = World::new().await;
        let (world, started) = (&world, Instant::now());
        let all = (0..50i64).map(|i| {
            // targets and due times differ; none is due before all are in
            let target = if i % 2 == 0 { STANDBY } else { ARCHIVED };
            world.schedule(target, 4_000 + 10 * i)
        });
        futures::future::join_all(all).await;
        assert!(
            started.elapsed() < ms(3_900),
            "scheduled too slowly: {:?}",
            started.elapsed()
        );
        let last = world.transition().await.expect("scheduled");
        let changes = world.ended(50).await;
        assert!(
            changes
                .iter()
                .all(|change| change["completion_result"] == "success")
        );
        let state = if last["To"] == json!(2) {
            "standby"
        } else {
            "archived"
        };
        assert_eq!(
            world.picture().await,
            format!("{state}: stopped 11, stopped 21; counters 11 21"),
            "one transition, of {last}"
        );
        assert_eq!(world.transition().await, None);
        testbed::assert_quiet(&[&world.d1]).await;
    });
}
