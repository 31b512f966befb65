//! When a job runs: the unscaled arithmetic, and that nothing runs before its time.

use crate::fakes::Reply;
use crate::world::*;
use scheduler::{Clock, Job};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

#[test]
fn timers_are_set_to_the_next_window_by_the_wall_clock() {
    testbed::run(async {
        let world = World::new("unscaled", Clock::default).await;
        let day = 24 * HOUR;
        for (job, period, offset) in [
            (Job::KeyRefill, day, 0),
            (Job::QuotaCheck, day, 15 * HOUR),
            (Job::CertificateRenewal, day, 3 * HOUR),
            (Job::IdleScaleDown, 15 * MINUTE, 0),
            (Job::KeyLastUsedSync, MINUTE, 0),
        ] {
            let next = |now: i64| now - (now - offset).rem_euclid(period) + period;
            let before = next(mysql::now_ms());
            world.arm(job).await;
            let after = next(mysql::now_ms());
            let due = world.number(job, "/nextAtMs").await;
            assert!(due == before || due == after, "{job:?}: {due}");
            let ticks = world.invocations(job, "Tick").await;
            let waiting: Vec<_> = ticks
                .iter()
                .filter(|t| t["status"] == "scheduled")
                .collect();
            assert_eq!(waiting.len(), 1, "{job:?}: {ticks:?}");
            let at = waiting[0]["scheduled_start_at"].as_str().expect("a time");
            let at = OffsetDateTime::parse(at, &Rfc3339)
                .expect("RFC 3339")
                .unix_timestamp_nanos()
                / 1_000_000;
            let late = at - i128::from(due);
            assert!(
                (0..5_000).contains(&late),
                "{job:?}: woken {late} ms after it is due"
            );
        }
    });
}

#[test]
fn each_window_runs_once_with_the_keys_of_its_cron_and_none_too_early() {
    testbed::run(async {
        // half a minute a second
        let world = World::new("windows", clock(datetime!(2026-03-10 14:59 UTC), 30)).await;
        for job in Job::ALL {
            world.arm(job).await;
        }
        let fifteen = ms(datetime!(2026-03-10 15:00 UTC));
        let checked = world.ended(Job::QuotaCheck, "2026-03").await;
        assert_eq!(number(&checked, "/last/windowAtMs"), fifteen);
        assert!(number(&checked, "/last/startedAtMs") >= fifteen);
        assert_eq!(number(&checked, "/nextAtMs"), fifteen + 24 * HOUR);
        let slept = world.ended(Job::IdleScaleDown, "2026-03-10T15:00").await;
        assert!(number(&slept, "/last/startedAtMs") >= fifteen);
        world.passes(fifteen + 2 * MINUTE).await;
        for job in Job::ALL {
            world.call(job, "Pause", json!({})).await;
        }
        world.quiet().await;
        let calls = world.fakes.calls();
        let count = |what: &str| calls.iter().filter(|c| *c == what).count();
        assert_eq!(count("check 2026-03"), 1, "{calls:?}");
        assert_eq!(count("scale down scale-down-idle"), 1, "{calls:?}");
        let syncs = count("sync");
        assert!(syncs >= 1, "{calls:?}");
        assert_eq!(calls.len(), syncs + 2, "nothing else was due: {calls:?}");
        // the test's own calls come from the ingress, each with a key that was drawn
        let sql = "SELECT idempotency_key AS k FROM sys_invocation WHERE idempotency_key IS NOT NULL AND invoked_by = 'service'";
        let rows = world.restate.admin().query(sql).await.expect("invocations");
        let mut keys: Vec<&str> = rows.iter().filter_map(|r| r["k"].as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(
            keys.len(),
            syncs + 1,
            "each window has its key, and none where the cron has none: {keys:?}"
        );
        assert!(keys.contains(&"quota-check-2026-03-10"), "{keys:?}");
        let minutes = keys
            .iter()
            .filter(|k| k.starts_with("key-last-used-sync-2026-03-10T15:0"));
        assert_eq!(minutes.count(), syncs, "{keys:?}");
    });
}

#[test]
fn five_replicas_arm_one_schedule() {
    testbed::run(async {
        let world = World::new("replicas", clock(datetime!(2026-03-01 23:50 UTC), 300)).await;
        let arms = (0..5).map(|_| world.arm(Job::KeyRefill));
        futures::future::join_all(arms).await;
        let ticks = world.invocations(Job::KeyRefill, "Tick").await;
        assert_eq!(ticks.len(), 1, "{ticks:?}");
        world.ended(Job::KeyRefill, "2026-03-02").await;
        world.passes(ms(datetime!(2026-03-02 00:30 UTC))).await;
        world.quiet().await;
        assert_eq!(world.fakes.calls(), ["refill 2026-03-02"]);
    });
}

#[test]
fn a_job_that_is_turned_off_stops_and_its_old_timer_does_nothing() {
    testbed::run(async {
        let world = World::new("off", clock(datetime!(2026-03-01 12:00:10 UTC), 60)).await;
        world.arm(Job::KeyLastUsedSync).await;
        let off = json!({ "enabled": false, "offBecause": "scheduler.enabled is false" });
        world.call(Job::KeyLastUsedSync, "Arm", off).await;
        world.passes(ms(datetime!(2026-03-01 12:03 UTC))).await;
        world.quiet().await;
        assert_eq!(world.fakes.calls(), [""; 0]);
        let ticks = world.invocations(Job::KeyLastUsedSync, "Tick").await;
        assert_eq!(
            ticks.iter().map(|t| &t["status"]).collect::<Vec<_>>(),
            ["completed"],
            "it came and did nothing"
        );
        let status = world.status(Job::KeyLastUsedSync).await;
        assert_eq!(status["offBecause"], "scheduler.enabled is false");
        assert_eq!(
            (&status["enabled"], &status["nextAtMs"]),
            (&json!(null), &json!(null))
        );
    });
}

#[test]
fn a_second_run_in_a_window_without_a_key_is_skipped_while_the_first_is_fresh() {
    testbed::run(async {
        // two hours a second
        let world = World::new("fresh", clock(datetime!(2026-02-28 20:00 UTC), 7_200)).await;
        world.arm(Job::CertificateRenewal).await;
        world.call(Job::CertificateRenewal, "Run", json!({})).await;
        let three = ms(datetime!(2026-03-01 03:00 UTC));
        testbed::eventually(SOON, || async {
            world.number(Job::CertificateRenewal, "/nextAtMs").await == three + 24 * HOUR
        })
        .await;
        world.quiet().await;
        assert_eq!(
            world.fakes.calls(),
            ["renew global"],
            "by hand, and not again at three"
        );
        world.fakes.reply([Reply::Answer(4)]);
        let next = testbed::eventually(SOON * 2, || async {
            let status = world.status(Job::CertificateRenewal).await;
            (number(&status, "/last/items") == 4).then_some(status)
        })
        .await;
        assert_eq!(number(&next, "/last/windowAtMs"), three + 24 * HOUR);
    });
}
