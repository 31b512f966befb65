//! Who is told, and in which words.

use crate::world::*;
use faults::http::Script;
use serde_json::json;

#[test]
fn qta_1_a_workspace_over_its_quota_is_told() {
    testbed::scenario!("QTA-1");
    testbed::run(async {
        let world = World::new().await;
        let before = seconds();
        let id = world.add(&workspace(100_000, 200_000)).await;
        assert_eq!(world.run().await.expect("runs"), (1, 1, 1));
        let messages = world.messages();
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert_eq!(messages[0]["text"], "Quota Exceeded: Acme");
        assert_eq!(
            messages[0]["blocks"][0]["text"]["text"],
            "Quota Exceeded: Acme"
        );
        let fields = &messages[0]["blocks"][3]["fields"];
        assert_eq!(fields[0]["text"], "*Limit:*\n100,000");
        assert_eq!(fields[1]["text"], "*Used:*\n200,000");
        assert_eq!(
            messages[0]["blocks"][1]["fields"],
            json!([
                {"type": "mrkdwn", "text": format!("*Workspace ID:*\n`{id}`")},
                {"type": "mrkdwn", "text": "*Workspace Name:*\nAcme"},
                {"type": "mrkdwn", "text": format!("*Organisation ID:*\n`org_{id}`")},
                {"type": "mrkdwn", "text": "*Stripe ID:*\n`cus_9`"},
            ])
        );
        let notified = world.notified().await;
        let at = notified.get(&id).copied().expect("in the state");
        assert!((before..=seconds()).contains(&at), "{at}");
        assert_eq!(world.state().await.len(), 1, "and nothing else is");
        assert_eq!(world.beats(), 1);
    });
}

#[test]
fn qta_2_qta_3_below_the_quota_or_the_floor_nobody_is_told() {
    testbed::scenario!("QTA-2", "QTA-3");
    testbed::run(async {
        let world = World::new().await;
        world.add(&workspace(500_000, 300_000)).await;
        world.add(&workspace(50_000, 100_000)).await;
        assert_eq!(
            world.run().await.expect("runs"),
            (1, 0, 0),
            "the second is not even looked at"
        );
        assert!(world.messages().is_empty());
        assert!(world.state().await.is_empty());
        assert_eq!(world.beats(), 1);
    });
}

#[test]
fn qta_5_reaching_the_quota_and_the_floor_counts() {
    testbed::scenario!("QTA-5");
    testbed::run(async {
        let world = World::new().await;
        let mut ids = vec![
            world.add(&workspace(200_000, 200_000)).await,
            world.add(&workspace(150_000, 150_000)).await,
        ];
        world.add(&workspace(200_001, 200_000)).await;
        world.add(&workspace(149_999, 149_999)).await;
        assert_eq!(world.run().await.expect("runs"), (3, 2, 2));
        ids.sort();
        assert_eq!(world.told(), ids);
    });
}

#[test]
fn qta_6_a_disabled_workspace_is_looked_at_and_not_told() {
    testbed::scenario!("QTA-6");
    testbed::run(async {
        let world = World::new().await;
        let mut disabled = workspace(1, 500_000);
        disabled.enabled = false;
        let mut deleted = workspace(1, 500_000);
        deleted.deleted = true;
        world.add(&disabled).await;
        world.add(&deleted).await;
        assert_eq!(world.run().await.expect("runs"), (2, 0, 0));
        assert!(world.messages().is_empty());
    });
}

#[test]
fn qta_7_without_a_quota_there_is_no_limit_and_nought_is_one() {
    testbed::scenario!("QTA-7");
    testbed::run(async {
        let world = World::new().await;
        let mut without = workspace(0, 500_000);
        without.quota = None;
        world.add(&without).await;
        let nought = world.add(&workspace(0, 500_000)).await;
        assert_eq!(world.run().await.expect("runs"), (2, 1, 1));
        assert_eq!(world.told(), [nought]);
        assert_eq!(
            world.messages()[0]["blocks"][3]["fields"][0]["text"],
            "*Limit:*\n0"
        );
    });
}

#[test]
fn usage_of_a_workspace_that_does_not_exist_is_nobodys() {
    testbed::run(async {
        let world = World::new().await;
        world.used(&world.month.clone(), "ws_of_nobody", 900_000);
        assert_eq!(world.run().await.expect("runs"), (0, 0, 0));
        assert_eq!(world.beats(), 1);
    });
}

#[test]
fn without_a_webhook_all_is_counted_and_nobody_counts_as_told() {
    testbed::run(async {
        let usage = std::sync::Arc::new(Usage::default());
        let world = World::over(
            usage.clone(),
            usage,
            None,
            Script::new().answer(200, "ok"),
            100,
        )
        .await;
        world.add(&workspace(1, 500_000)).await;
        assert_eq!(world.run().await.expect("runs"), (1, 1, 0));
        assert!(world.state().await.is_empty());
        assert!(world.messages().is_empty());
        assert_eq!(world.beats(), 1);
    });
}
