//! What each handler journals: names and order are what an upgrade must keep.

use crate::world::*;
use faults::http::Script;
use key_refill::Settings;
use key_refill_client::SERVICE;

/// The commands of a handler, in order, those side by side in the order of their keys.
fn commands(world: &World, handler: &str) -> Vec<String> {
    let commands = world.proxy.commands(SERVICE, handler);
    commands.iter().map(faults::Seen::step).collect()
}

#[test]
fn a_small_refill_is_a_plan_a_step_a_chunk_and_an_end() {
    testbed::run(async {
        let world = World::with(small(), Script::new().answer(200, "ok")).await;
        world.keys(&daily(), 4).await;
        let date = again("2025-06-14");
        assert_eq!(world.run(&date).await.expect("runs"), 4);
        assert_eq!(
            commands(&world, "RunRefill"),
            [
                "Run clock",
                "GetEagerState",
                "GetEagerState",
                "Run plan",
                "Run refill",
                "SetState",
                "Run refill",
                "SetState",
                "ClearState",
                "ClearState",
                "Run finish",
                "Run send heartbeat",
                "Output",
            ]
        );
        testbed::assert_quiet(&[date]).await;
    });
}

#[test]
fn a_large_refill_is_calls_of_bounded_length_and_a_number_of_states() {
    testbed::run(async {
        let settings = Settings {
            chunk: 2,
            range: 10,
            lanes: 3,
            calls: 2,
            ..Settings::default()
        };
        let world = World::with(settings, Script::new().answer(200, "ok")).await;
        world.bulk(30).await;
        let date = again("2025-06-14");
        assert_eq!(world.run(&date).await.expect("runs"), 30);
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_log").await, 30);

        // three ranges of ten rows: two, two and one chunks of two, each round a call a range
        let parent = commands(&world, "RunRefill");
        let calls = parent.iter().filter(|c| c.starts_with("Call")).count();
        assert_eq!(calls, 9, "{parent:?}");
        let children = world.proxy.commands(SERVICE, "RefillRange");
        let mut lengths = std::collections::BTreeMap::<&str, usize>::new();
        for seen in &children {
            *lengths.entry(&seen.invocation).or_default() += 1;
        }
        assert_eq!(lengths.len(), 9);
        assert!(
            lengths.values().all(|n| *n <= settings.calls + 1),
            "{lengths:?}"
        );
        assert!(world.state(&date).await.is_empty());
        testbed::assert_quiet(&[date]).await;
    });
}

#[test]
fn only_the_service_itself_may_ask_for_a_range() {
    testbed::run(async {
        let world = World::new().await;
        let key = world.key(&daily()).await;
        let body = serde_json::json!({"afterPk": "0", "toPk": "1000"});
        let ingress = testbed::ingress().await;
        let answer = ingress
            .call(SERVICE, "2025-06-14", "RefillRange", &body)
            .await;
        let refused = answer.expect_err("private");
        assert!(refused.to_string().contains(" 400 "), "{refused}");
        assert_eq!(world.remaining(&key).await, Some(100));
    });
}
