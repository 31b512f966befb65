//! What was missed is caught up: while the worker was down, while the job was paused, after a run that failed.

use crate::fakes::Reply;
use crate::world::*;
use scheduler::Job;
use serde_json::json;
use std::time::Duration;
use time::macros::datetime;

#[test]
fn api_25_a_missed_refill_date_runs_afterwards_exactly_once() {
    testbed::scenario!("API-25");
    testbed::run(async {
        // ten minutes a second
        let world = World::new("missed", clock(datetime!(2026-03-01 23:30 UTC), 600)).await;
        world.arm(Job::KeyRefill).await;
        assert!(
            world.now() < ms(datetime!(2026-03-01 23:50 UTC)),
            "the machine is too slow for this clock"
        );
        world.wire.cut();
        world.wire.drop_connections();
        let back = ms(datetime!(2026-03-02 00:20 UTC));
        world.passes(back).await;
        assert_eq!(world.fakes.calls(), [""; 0], "it is down");
        world.wire.heal();
        let status = world.ended(Job::KeyRefill, "2026-03-02").await;
        assert!(number(&status, "/last/startedAtMs") >= back);
        // a cron that comes late, and a worker that starts, find it done
        let sent = world
            .ingress()
            .send_after(
                key_refill_client::SERVICE,
                "2026-03-02",
                "RunRefill",
                &json!({}),
                Some("key-refill-2026-03-02"),
                Duration::ZERO,
            )
            .await
            .expect("accepted");
        assert!(!sent.fresh);
        world.arm(Job::KeyRefill).await;
        world.passes(back + HOUR).await;
        world.quiet().await;
        assert_eq!(world.fakes.calls(), ["refill 2026-03-02"]);
    });
}

#[test]
fn dates_that_passed_during_a_pause_are_refilled_in_order_one_after_the_other() {
    testbed::run(async {
        // four hours a second
        let world = World::new("paused", clock(datetime!(2026-02-27 12:00 UTC), 14_400)).await;
        world.arm(Job::KeyRefill).await;
        world.call(Job::KeyRefill, "Pause", json!({})).await;
        let status = world.status(Job::KeyRefill).await;
        assert_eq!(
            (&status["paused"], &status["nextAtMs"]),
            (&json!(true), &json!(null))
        );
        world.passes(ms(datetime!(2026-03-02 06:00 UTC))).await;
        world.quiet().await;
        assert_eq!(world.fakes.calls(), [""; 0]);
        world.call(Job::KeyRefill, "Resume", json!({})).await;
        testbed::eventually(SOON, || async { world.fakes.calls().len() >= 3 }).await;
        let calls = world.fakes.calls();
        assert_eq!(
            calls[..3],
            [
                "refill 2026-02-28",
                "refill 2026-03-01",
                "refill 2026-03-02"
            ],
            "{calls:?}"
        );
        world.call(Job::KeyRefill, "Pause", json!({})).await;
    });
}

#[test]
fn a_month_that_is_over_is_checked_once_more_and_missed_checks_are_one() {
    testbed::run(async {
        let world = World::new("closing", clock(datetime!(2026-01-30 16:00 UTC), 14_400)).await;
        world.arm(Job::QuotaCheck).await;
        world.call(Job::QuotaCheck, "Pause", json!({})).await;
        world.passes(ms(datetime!(2026-02-02 16:00 UTC))).await;
        world.call(Job::QuotaCheck, "Resume", json!({})).await;
        testbed::eventually(SOON, || async { world.fakes.calls().len() >= 2 }).await;
        world.call(Job::QuotaCheck, "Pause", json!({})).await;
        world.quiet().await;
        let calls = world.fakes.calls();
        assert_eq!(calls[..2], ["check 2026-01", "check 2026-02"], "{calls:?}");
    });
}

#[test]
fn a_failed_date_is_tried_again_and_its_failure_is_shown() {
    testbed::run(async {
        // five minutes a second
        let world = World::new("again", clock(datetime!(2026-03-01 23:45 UTC), 300)).await;
        world
            .fakes
            .reply([Reply::Fail(500, "the database was away"), Reply::Answer(12)]);
        world.arm(Job::KeyRefill).await;
        let failed = testbed::eventually(SOON, || async {
            let status = world.status(Job::KeyRefill).await;
            (status["last"]["outcome"] == "failed").then_some(status)
        })
        .await;
        assert_eq!(failed["last"]["error"], "the database was away");
        assert_eq!(failed["failures"], 1);
        let pause = number(&failed, "/nextAtMs") - number(&failed, "/last/finishedAtMs");
        assert_eq!(pause, 5 * MINUTE);
        let done = testbed::eventually(SOON, || async {
            let status = world.status(Job::KeyRefill).await;
            (status["last"]["outcome"] == "succeeded").then_some(status)
        })
        .await;
        assert_eq!(number(&done, "/last/items"), 12);
        assert_eq!(done["failures"], json!(null));
        assert_eq!(world.fakes.calls(), ["refill 2026-03-02"; 2]);
        assert!(number(&done, "/lastSuccessAtMs") >= number(&failed, "/nextAtMs"));
    });
}

#[test]
fn a_run_nobody_hears_of_is_given_up_and_its_late_answer_changes_nothing() {
    testbed::run(async {
        // five minutes a second; the sync counts as lost after fifteen
        let world = World::new("lost", clock(datetime!(2026-03-01 12:00:30 UTC), 300)).await;
        world
            .fakes
            .reply([Reply::After(Duration::from_secs(8), 77)]);
        world.arm(Job::KeyLastUsedSync).await;
        let executed = || world.invocations(Job::KeyLastUsedSync, "Execute");
        testbed::eventually(SOON, || async { executed().await.len() > 1 }).await;
        assert_ne!(executed().await[0]["status"], "completed", "it still waits");
        assert_eq!(world.fakes.calls()[..2], ["sync", "sync"]);
        world.call(Job::KeyLastUsedSync, "Pause", json!({})).await;
        testbed::eventually(SOON, || async {
            executed().await[0]["status"] == "completed"
        })
        .await;
        world.quiet().await;
        let status = world.status(Job::KeyLastUsedSync).await;
        assert_eq!(
            number(&status, "/last/items"),
            1,
            "not the late one's 77: {status}"
        );
        assert_eq!(status["running"], json!(null));
    });
}
