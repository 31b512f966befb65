//! The answer of each step that writes is lost after its effect, and the connection breaks before each command: the end
//! is the same, and the job's service is called once.

use crate::fakes::Fakes;
use crate::world::*;
use faults::Cut;
use mysql::{Db, Options};
use scheduler::Job;
use scheduler_client::SERVICE;
use serde_json::json;
use std::time::Duration;
use testbed::{Restate, RestateOptions};
use time::macros::datetime;

#[test]
fn a_lost_answer_of_the_row_and_a_cut_before_every_command_run_the_job_once() {
    testbed::run(async {
        let database = testbed::migrated_database("cuts").await;
        let db = Db::connect(&Options::new(database.dsn.clone()))
            .await
            .expect("connect");
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let fakes = Fakes::default();
        let clock = clock(datetime!(2026-03-01 12:00 UTC), 1)();
        let proxy = faults::serve_behind_on(&restate, endpoint(db, clock, &fakes)).await;
        let ingress = restate.ingress();
        let call = async |handler: &str| {
            let answer = ingress
                .call(SERVICE, "key-refill", handler, &json!({}))
                .await;
            answer.unwrap_or_else(|e| panic!("{handler}: {e}"))
        };
        let run = async || {
            let before = fakes.calls().len();
            let started = call("Run").await;
            let id = started["invocationId"].as_str().expect("an id");
            let answer = ingress.attach(id).await.expect("it ends");
            assert_eq!(answer["run"]["outcome"], "succeeded");
            assert_eq!(fakes.calls().len(), before + 1, "called once");
        };
        ingress
            .call(SERVICE, "key-refill", "Arm", &json!({ "enabled": true }))
            .await
            .expect("armed");
        run().await;
        // every command that the handlers of a run have
        let mut points = Vec::new();
        for handler in ["Run", "Execute", "Record"] {
            let commands = proxy.commands(SERVICE, handler);
            assert!(commands.len() >= 3, "{handler}: {commands:?}");
            points.extend(commands.iter().filter_map(|c| Some((handler, c.index?))));
        }
        let mut tried = 0;
        for (handler, index) in points {
            let cut = proxy.cut(Cut::command(SERVICE, handler, index));
            run().await;
            tried += usize::from(cut.wait(Duration::from_secs(1)).await.is_some());
        }
        assert!(tried >= 10, "{tried} cuts happened");
        for handler in ["Run", "Record"] {
            let cut = proxy.cut(Cut::run_result(SERVICE, handler, "row"));
            run().await;
            let lost = cut.wait(Duration::from_secs(5)).await;
            assert!(lost.is_some(), "{handler}");
        }
        for handler in ["Arm", "Pause", "Resume"] {
            let cut = proxy.cut(Cut::run_result(SERVICE, handler, "row"));
            let body = json!({ "enabled": true });
            let body = if handler == "Arm" { body } else { json!({}) };
            ingress
                .call(SERVICE, "key-refill", handler, &body)
                .await
                .expect(handler);
            assert!(
                cut.wait(Duration::from_secs(5)).await.is_some(),
                "{handler}"
            );
        }
        let ticks = "SELECT id FROM sys_invocation WHERE target_handler_name = 'Tick' AND status = 'scheduled'";
        let row = restate.admin().query(ticks).await.expect("invocations");
        assert!(!row.is_empty(), "armed");
        let status = call("Status").await;
        assert_eq!(status["running"], json!(null));
    });
}

#[test]
fn a_tick_whose_answer_is_lost_starts_one_run() {
    testbed::run(async {
        let database = testbed::migrated_database("tick").await;
        let db = Db::connect(&Options::new(database.dsn.clone()))
            .await
            .expect("connect");
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let fakes = Fakes::default();
        let clock = clock(datetime!(2026-03-01 23:59:56 UTC), 1)();
        let proxy = faults::serve_behind_on(&restate, endpoint(db, clock, &fakes)).await;
        let cuts = [
            proxy.cut(Cut::run_result(SERVICE, "Tick", "row")),
            proxy.cut(Cut::run_result(SERVICE, "Record", "row")),
        ];
        let ingress = restate.ingress();
        ingress
            .call(
                SERVICE,
                Job::KeyRefill.name(),
                "Arm",
                &json!({ "enabled": true }),
            )
            .await
            .expect("armed");
        testbed::eventually(SOON, || async {
            let status = ingress
                .call(SERVICE, "key-refill", "Status", &json!({}))
                .await
                .expect("status");
            status["last"]["outcome"] == "succeeded"
        })
        .await;
        for cut in &cuts {
            assert!(cut.wait(Duration::from_secs(5)).await.is_some());
        }
        assert_eq!(fakes.calls(), ["refill 2026-03-02"]);
    });
}
