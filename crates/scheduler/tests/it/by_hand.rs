//! Run, Pause, Resume and Status: what a person does, and that none of it waits for a run.

use crate::fakes::Reply;
use crate::world::*;
use durable::codes;
use scheduler::Job;
use serde_json::json;
use std::time::{Duration, Instant};
use time::macros::datetime;

#[test]
fn a_run_by_hand_counts_and_a_second_one_runs_again() {
    testbed::run(async {
        let world = World::new("hand", clock(datetime!(2026-03-01 12:00 UTC), 1)).await;
        world.arm(Job::KeyRefill).await;
        world.fakes.reply([Reply::Answer(17), Reply::Answer(0)]);
        for count in [17, 0] {
            let started = world.call(Job::KeyRefill, "Run", json!({})).await;
            assert_eq!(
                (&started["run"]["window"], &started["run"]["byHand"]),
                (&json!("2026-03-01"), &json!(true))
            );
            let invocation = started["invocationId"].as_str().expect("an id");
            let answer = world.ingress().attach(invocation).await.expect("it ends");
            assert_eq!(answer["run"]["outcome"], "succeeded");
            assert_eq!(number(&answer, "/run/items"), count);
            assert_eq!(answer["run"]["id"], started["run"]["id"]);
            let status = world.status(Job::KeyRefill).await;
            assert_eq!(
                status["last"], answer["run"],
                "it is recorded when it is answered"
            );
        }
        assert_eq!(world.fakes.calls(), ["refill 2026-03-01"; 2]);
        assert_eq!(
            world.number(Job::KeyRefill, "/nextAtMs").await,
            ms(datetime!(2026-03-02 00:00 UTC)),
            "the schedule goes on"
        );
    });
}

#[test]
fn while_a_run_takes_its_time_nobody_waits_and_a_second_one_is_refused() {
    testbed::run(async {
        let world = World::new("busy", clock(datetime!(2026-03-01 12:00 UTC), 1)).await;
        world.fakes.reply([Reply::After(Duration::from_secs(4), 3)]);
        // also a job that is off runs when a person wants it
        let started = world.call(Job::KeyRefill, "Run", json!({})).await;
        let begin = Instant::now();
        let refused = world
            .try_call(Job::KeyRefill, "Run", json!({}))
            .await
            .expect_err("it runs");
        assert_eq!(refused.status(), Some(409));
        let text = format!(
            "{}: key-refill is running since 2026-03-01T12:00",
            codes::JOB_RUNNING.id
        );
        assert!(refused.message().expect("a text").starts_with(&text));
        for handler in ["Pause", "Resume", "Status"] {
            world.call(Job::KeyRefill, handler, json!({})).await;
        }
        world.arm(Job::KeyRefill).await;
        assert!(
            begin.elapsed() < Duration::from_secs(3),
            "{:?}",
            begin.elapsed()
        );
        let status = world.status(Job::KeyRefill).await;
        assert_eq!(
            status["running"]["id"], started["run"]["id"],
            "none of it touched the run"
        );
        assert_eq!(
            number(
                &world.ended(Job::KeyRefill, "2026-03-01").await,
                "/last/items"
            ),
            3
        );
        let row = world.row(Job::KeyRefill).await;
        assert_eq!(
            (row.items, row.unfinished_since, row.outcome.as_deref()),
            (3, None, Some("succeeded"))
        );
    });
}

#[test]
fn a_cancelled_run_is_recorded_as_such() {
    testbed::run(async {
        let world = World::new("cancel", clock(datetime!(2026-03-01 12:00 UTC), 1)).await;
        world
            .fakes
            .reply([Reply::After(Duration::from_secs(60), 3)]);
        let started = world.call(Job::QuotaCheck, "Run", json!({})).await;
        testbed::eventually(SOON, || async { world.fakes.calls().len() == 1 }).await;
        let invocation = started["invocationId"].as_str().expect("an id");
        world
            .restate
            .admin()
            .cancel(invocation)
            .await
            .expect("cancelled");
        let status = world.ended(Job::QuotaCheck, "2026-03").await;
        assert_eq!(status["last"]["outcome"], "cancelled");
        world.quiet().await;
    });
}

#[test]
fn what_is_no_job_and_what_only_the_service_itself_may_send_is_refused() {
    testbed::run(async {
        let world = World::new("refused", clock(datetime!(2026-03-01 12:00 UTC), 1)).await;
        let ingress = world.ingress();
        for handler in ["Arm", "Run", "Pause", "Resume", "Status"] {
            let error = ingress
                .call(scheduler_client::SERVICE, "key-refil", handler, &json!({}))
                .await
                .expect_err(handler);
            assert_eq!(error.status(), Some(404), "{handler}");
            let text = error.message().expect("a text");
            assert!(
                text.starts_with(&format!(
                    "{}: \"key-refil\" is no job.",
                    codes::JOB_NOT_FOUND.id
                )),
                "{text}"
            );
        }
        for handler in ["Tick", "Execute", "Record"] {
            let error = world
                .try_call(Job::KeyRefill, handler, json!({}))
                .await
                .expect_err(handler);
            assert_eq!(error.status(), Some(400), "{handler}: {error}");
        }
    });
}
