//! A month's later runs: silence, the weekly reminder, the new month, the raised quota.

use crate::world::*;
use quota_check_client::SERVICE;
use serde_json::json;

const WEEK: i64 = 590_400;

#[test]
fn qta_8_a_day_later_nothing_is_told() {
    testbed::scenario!("QTA-8");
    testbed::run(async {
        let world = World::new().await;
        let id = world.add(&workspace(1, 500_000)).await;
        let yesterday = seconds() - 86_400;
        world.set_notified(&[(&id, yesterday)]).await;
        assert_eq!(world.run().await.expect("runs"), (1, 1, 0));
        // and at once after its own message
        let other = world.add(&workspace(1, 500_000)).await;
        assert_eq!(world.run().await.expect("runs"), (2, 2, 1));
        assert_eq!(world.run().await.expect("runs"), (2, 2, 0));
        assert_eq!(world.told(), [other]);
        assert_eq!(world.notified().await[&id], yesterday);
        assert_eq!(world.beats(), 3);
    });
}

#[test]
fn qta_9_after_six_days_and_twenty_hours_a_reminder_is_sent() {
    testbed::scenario!("QTA-9");
    testbed::run(async {
        let world = World::new().await;
        let due = world.add(&workspace(1, 500_000)).await;
        let not_yet = world.add(&workspace(1, 500_000)).await;
        let before = seconds();
        world
            .set_notified(&[(&due, before - WEEK), (&not_yet, before - WEEK + 60)])
            .await;
        assert_eq!(world.run().await.expect("runs"), (2, 2, 1));
        assert_eq!(world.told(), std::slice::from_ref(&due));
        assert_eq!(
            world.titles(),
            ["Quota Still Exceeded (Weekly Reminder): Acme"]
        );
        let notified = world.notified().await;
        assert!(notified[&due] >= before, "the time has moved");
        assert_eq!(notified[&not_yet], before - WEEK + 60);
    });
}

#[test]
fn qta_10_a_new_month_begins_with_the_first_notice() {
    testbed::scenario!("QTA-10");
    testbed::run(async {
        let world = World::new().await;
        let id = world.add(&workspace(1, 500_000)).await;
        assert_eq!(world.run().await.expect("runs"), (1, 1, 1));
        let next = world.month.replace("-01", "-02");
        world.used(&next, &id, 600_000);
        assert_eq!(world.run_of(&next).await.expect("runs"), (1, 1, 1));
        assert_eq!(
            world.titles(),
            ["Quota Exceeded: Acme", "Quota Exceeded: Acme"]
        );
    });
}

#[test]
fn a_quota_that_was_raised_and_is_used_up_again_is_news() {
    testbed::run(async {
        let world = World::new().await;
        let id = world.add(&workspace(1_000_000, 500_000)).await;
        world
            .set_notified(&[(&id, seconds() - 60), ("ws_gone", 7)])
            .await;
        assert_eq!(world.run().await.expect("runs"), (1, 0, 0));
        let left = world.notified().await;
        assert_eq!(left.keys().collect::<Vec<_>>(), ["ws_gone"]);
        world.used(&world.month.clone(), &id, 1_000_000);
        assert_eq!(world.run().await.expect("runs"), (1, 1, 1));
        assert_eq!(world.titles(), ["Quota Exceeded: Acme"]);
    });
}

#[test]
fn qta_17_two_calls_with_one_idempotency_key_are_one_run() {
    testbed::scenario!("QTA-17");
    testbed::run(async {
        let world = World::new().await;
        world.add(&workspace(1, 500_000)).await;
        let ingress = testbed::ingress().await;
        let key = format!("quota-check-{}-15", world.month);
        let mut ids = Vec::new();
        for _ in 0..2 {
            let sent = ingress
                .send(SERVICE, &*world.month, "RunCheck", &json!({}), Some(&key))
                .await;
            ids.push(sent.expect("sent"));
        }
        assert_eq!(ids[0], ids[1]);
        for id in &ids {
            let answer = ingress.attach(id).await.expect("runs");
            assert_eq!(counts(&answer), (1, 1, 1));
        }
        assert_eq!(
            (world.asked(), world.told().len(), world.beats()),
            (1, 1, 1)
        );
        let sql = format!(
            "SELECT id FROM sys_invocation WHERE target_service_name = '{SERVICE}' AND target_service_key = '{}'",
            world.month
        );
        assert_eq!(
            testbed::admin()
                .await
                .query(&sql)
                .await
                .expect("invocations")
                .len(),
            1
        );
    });
}
