//! The webhook fails, refuses one message, refuses all, or wants to be left alone.

use crate::world::*;
use faults::http::Script;

#[test]
fn qta_13_a_failing_webhook_is_tried_again_before_the_monitor_hears() {
    testbed::scenario!("QTA-13");
    testbed::run(async {
        let slow = std::time::Duration::from_millis(300);
        let script = Script::new()
            .answer(500, "")
            .answer(503, "")
            .after(slow, 200, "ok");
        let world = World::with(script, ok()).await;
        let id = world.add(&workspace(1, 500_000)).await;
        let run = world.run();
        let watch = async {
            testbed::eventually(SOON, || async { world.told().len() == 3 }).await;
            assert_eq!(world.beats(), 0, "not before it has succeeded");
        };
        let (answer, ()) = tokio::join!(run, watch);
        assert_eq!(answer.expect("runs"), (1, 1, 1));
        assert_eq!(world.told(), [id.clone(), id.clone(), id]);
        assert_eq!((world.beats(), world.steps("notify")), (1, 1));
    });
}

#[test]
fn qta_14_a_message_slack_refuses_is_left_out_and_the_monitor_hears_nothing() {
    testbed::scenario!("QTA-14");
    testbed::run(async {
        let script = Script::new()
            .answer(200, "ok")
            .answer(400, "invalid_blocks")
            .answer(200, "ok");
        let world = World::with(script, ok()).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(world.add(&workspace(1, 500_000)).await);
        }
        ids.sort();
        assert_eq!(
            world.run().await.expect("the object is not blocked"),
            (3, 3, 2)
        );
        assert_eq!(world.told(), ids);
        assert_eq!(world.beats(), 0);
        let notified = world.notified().await;
        assert_eq!(
            notified.keys().cloned().collect::<Vec<_>>(),
            [ids[0].clone(), ids[2].clone()]
        );
        // The next run tries it again, and all is well.
        assert_eq!(world.run().await.expect("runs"), (3, 3, 1));
        assert_eq!(
            (world.told().pop(), world.beats()),
            (Some(ids[1].clone()), 1)
        );
    });
}

#[test]
fn a_webhook_that_is_gone_ends_the_run_and_keeps_what_was_told() {
    testbed::run(async {
        let script = Script::new().answer(200, "ok").answer(404, "no_service");
        let world = World::with(script, ok()).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(world.add(&workspace(1, 500_000)).await);
        }
        ids.sort();
        let error = world.run().await.expect_err("ends");
        assert!(error.to_string().contains("CW0047"), "{error}");
        assert!(!error.to_string().contains("/hook"), "{error}");
        assert_eq!(world.told(), ids[..2], "nobody is bothered further");
        assert_eq!(world.beats(), 0);
        assert_eq!(world.notified().await.keys().collect::<Vec<_>>(), [&ids[0]]);
    });
}

#[test]
fn slack_is_left_alone_when_it_asks_for_it_and_the_rest_is_told_later() {
    testbed::run(async {
        let script = Script::new()
            .answer(200, "ok")
            .retry_after(2)
            .answer(200, "ok");
        let world = World::with(script, ok()).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(world.add(&workspace(1, 500_000)).await);
        }
        ids.sort();
        let begun = std::time::Instant::now();
        let (_, _, sent) = world.run().await.expect("ends, holding up nobody");
        assert_eq!((sent, world.beats()), (1, 0));
        assert!(begun.elapsed() < std::time::Duration::from_secs(2));
        testbed::eventually(SOON, || async { world.beats() == 1 }).await;
        assert!(
            begun.elapsed() >= std::time::Duration::from_secs(2),
            "not before"
        );
        // the second was refused once
        assert_eq!(
            world.told(),
            [&ids[0], &ids[1], &ids[1], &ids[2]].map(Clone::clone)
        );
        testbed::eventually(SOON, || async { world.state().await.len() == 1 }).await;
        assert_eq!(world.notified().await.len(), 3);
        testbed::assert_quiet(std::slice::from_ref(&world.month)).await;
    });
}
