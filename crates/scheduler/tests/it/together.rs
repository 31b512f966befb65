//! The clock and an outside cron beside each other: one run of a window, whoever comes first.

use crate::fakes::Reply;
use crate::world::*;
use scheduler::Job;
use serde_json::{Value, json};
use std::time::Duration;
use time::macros::datetime;

/// What a cron does: leaves the call with its documented idempotency key.
async fn cron(world: &World, service: &str, key: Option<&str>, handler: &str, once: &str) -> bool {
    let body: Value = json!({});
    let sent = world
        .ingress()
        .send_after(service, key, handler, &body, Some(once), Duration::ZERO)
        .await;
    sent.expect("accepted").fresh
}

#[test]
fn api_18_the_same_minute_triggered_twice_and_by_the_clock_is_one_sync() {
    testbed::scenario!("API-18");
    testbed::run(async {
        let world = World::new("minute", clock(datetime!(2026-03-01 11:59:56 UTC), 1)).await;
        world.fakes.reply([Reply::Answer(33), Reply::Answer(44)]);
        world.arm(Job::KeyLastUsedSync).await;
        let service = key_last_used_sync_client::SERVICE;
        let once = "key-last-used-sync-2026-03-01T12:00";
        assert!(cron(&world, service, None, "RunSync", once).await);
        assert!(!cron(&world, service, None, "RunSync", once).await);
        let status = world.ended(Job::KeyLastUsedSync, "2026-03-01T12:00").await;
        world.quiet().await;
        assert_eq!(world.fakes.calls(), ["sync"]);
        assert_eq!(
            number(&status, "/last/items"),
            33,
            "the clock was answered with the cron's run"
        );
        assert!(
            !cron(&world, service, None, "RunSync", once).await,
            "also afterwards"
        );
        assert_eq!(world.fakes.calls(), ["sync"]);
    });
}

#[test]
fn a_cron_that_comes_while_the_clocks_run_is_on_its_way_joins_it() {
    testbed::run(async {
        let world = World::new("joins", clock(datetime!(2026-03-01 23:59:56 UTC), 1)).await;
        world.fakes.reply([Reply::After(Duration::from_secs(3), 5)]);
        world.arm(Job::KeyRefill).await;
        testbed::eventually(SOON, || async {
            world.fakes.calls() == ["refill 2026-03-02"]
        })
        .await;
        let service = key_refill_client::SERVICE;
        let key = Some("2026-03-02");
        assert!(!cron(&world, service, key, "RunRefill", "key-refill-2026-03-02").await);
        let status = world.ended(Job::KeyRefill, "2026-03-02").await;
        assert_eq!(number(&status, "/last/items"), 5);
        world.quiet().await;
        assert_eq!(world.fakes.calls(), ["refill 2026-03-02"]);
    });
}

#[test]
fn a_quota_check_of_the_cron_is_the_clocks_too() {
    testbed::run(async {
        let world = World::new("quota", clock(datetime!(2026-03-15 14:59:56 UTC), 1)).await;
        world.arm(Job::QuotaCheck).await;
        let service = quota_check_client::SERVICE;
        let key = Some("2026-03");
        assert!(cron(&world, service, key, "RunCheck", "quota-check-2026-03-15").await);
        world.ended(Job::QuotaCheck, "2026-03").await;
        world.quiet().await;
        assert_eq!(world.fakes.calls(), ["check 2026-03"]);
    });
}
