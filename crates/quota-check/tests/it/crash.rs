//! The worker dies and answers are lost.

use crate::world::*;
use faults::Cut;
use quota_check_client::SERVICE;

async fn three(world: &World) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.add(&workspace(1, 500_000)).await);
    }
    ids.sort();
    ids
}

#[test]
fn qta_11_after_a_crash_whoever_was_told_is_not_told_again() {
    testbed::scenario!("QTA-11");
    testbed::run(async {
        let world = World::new().await;
        let ids = three(&world).await;
        // Input, three states, begin, usage, fetch, notify: the next command comes when the first message is journaled.
        let cut = world.proxy.cut(Cut::command(SERVICE, "RunCheck", 8));
        assert_eq!(world.run().await.expect("goes on"), (3, 3, 3));
        let seen = cut.wait(SOON).await.expect("the cut happened");
        assert_eq!(seen.step(), "SetState");
        let told = world.told();
        let times = |id: &String| told.iter().filter(|told| *told == id).count();
        assert_eq!(times(&ids[0]), 1, "{told:?}");
        // The second may have been on its way when the worker died; the third came after.
        assert!((1..=2).contains(&times(&ids[1])), "{told:?}");
        assert_eq!(times(&ids[2]), 1, "{told:?}");
        assert_eq!(world.beats(), 1);
        assert_eq!(world.notified().await.len(), 3);
        testbed::assert_quiet(std::slice::from_ref(&world.month)).await;
    });
}

#[test]
fn a_lost_answer_repeats_one_message_at_most_and_no_other_step_shows() {
    testbed::run(async {
        for step in [
            "begin",
            "get billable usage above threshold",
            "fetch workspaces",
            "notify",
            "send heartbeat",
        ] {
            let world = World::new().await;
            let ids = three(&world).await;
            let cut = world.proxy.cut(Cut::run_result(SERVICE, "RunCheck", step));
            assert_eq!(world.run().await.expect("goes on"), (3, 3, 3), "{step}");
            assert!(cut.wait(SOON).await.is_some(), "{step} was not cut");
            let mut told = world.told();
            if step == "notify" {
                assert_eq!(told.remove(1), ids[0], "the first is told twice");
            }
            assert_eq!(told, ids, "{step}");
            assert_eq!(
                world.beats(),
                1 + usize::from(step == "send heartbeat"),
                "{step}"
            );
        }
    });
}

#[test]
fn a_killed_run_does_not_forget_whom_it_told() {
    testbed::run(async {
        let script = faults::http::Script::new()
            .answer(200, "ok")
            .effect_then_silence()
            .answer(200, "ok");
        let world = World::with(script, ok()).await;
        let ids = three(&world).await;
        let ingress = testbed::ingress().await;
        let sent = ingress
            .send(
                SERVICE,
                &*world.month,
                "RunCheck",
                &serde_json::json!({}),
                None,
            )
            .await;
        let id = sent.expect("sent");
        testbed::eventually(SOON, || async {
            world.told().len() == 2 && world.state().await.contains_key("notified_now")
        })
        .await;
        testbed::admin().await.kill(&id).await.expect("killed");
        ingress.attach(&id).await.expect_err("killed");
        assert_eq!(world.run().await.expect("runs"), (3, 3, 2));
        assert_eq!(world.told()[2..], ids[1..]);
        let state = world.state().await;
        assert_eq!(state.keys().collect::<Vec<_>>(), ["notified_workspaces"]);
    });
}
