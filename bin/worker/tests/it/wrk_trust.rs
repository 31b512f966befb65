//! Who may call: request identity keys; and what leaves the process: traces.

use crate::fake_admin::FakeAdmin;
use crate::process::{NO_RESTATE, PATIENCE, Worker, config};

const KEY: &str = "publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f";

#[test]
fn with_identity_keys_an_unsigned_request_is_refused_and_health_is_not() {
    testbed::run(async {
        let database = testbed::migrated_database("trust").await;
        let lines = format!("{NO_RESTATE}\nidentity_keys = [\"{KEY}\"]");
        let worker = Worker::start(&config(&database.dsn, &lines, ""));
        worker.logged("started").await;
        assert_eq!(worker.get("/discover").await.0, 401);
        assert_eq!(worker.get("/health/live").await.0, 200);
        assert_eq!(worker.get("/").await.0, 404);

        let mut broken = Worker::start(&config(&database.dsn, &lines.replace("w7YH", "!!!!"), ""));
        assert_eq!(broken.ended().await.code(), Some(1));
        assert!(broken.lines().join("").contains("restate.identity_keys"));
    });
}

#[test]
fn traces_are_flushed_to_the_collector_before_the_process_ends() {
    testbed::run(async {
        let database = testbed::migrated_database("traces").await;
        let collector = FakeAdmin::start(vec![(200, String::new())]).await;
        let text = config(
            &database.dsn,
            NO_RESTATE,
            "[observability.tracing]\nsample_rate = 1.0",
        );
        let endpoint = format!("http://{}", collector.address);
        let mut worker = Worker::start_with(&text, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
        worker.logged("started").await;
        // An invocation without a journal fails at once, inside the span of its handler.
        let url = format!(
            "http://{}/invoke/hydra.v1.VersioningService/NextVersion",
            worker.address().await
        );
        let answer = reqwest::Client::new()
            .post(url)
            .header("content-type", "application/vnd.restate.invocation.v5")
            .body("")
            .send()
            .await;
        assert!(answer.is_ok());
        worker.terminate();
        assert_eq!(worker.ended().await.code(), Some(0));
        testbed::eventually(PATIENCE, || async {
            collector.asked().iter().any(|a| {
                a.line == "POST /v1/traces" && a.body.contains("restate_sdk_endpoint_handle")
            })
        })
        .await;
    });
}
