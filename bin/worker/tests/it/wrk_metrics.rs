//! The listener of `/metrics`.

use crate::process::{NO_RESTATE, PATIENCE, Worker, config};

#[test]
fn wrk_21_metrics_are_served_where_a_port_is_set_and_nowhere_else() {
    testbed::scenario!("WRK-21");
    testbed::run(async {
        let database = testbed::migrated_database("metrics").await;
        let with = Worker::start(&config(
            &database.dsn,
            NO_RESTATE,
            "[observability.metrics]\nlisten = \"127.0.0.1:0\"",
        ));
        with.logged("started").await;
        let base = format!("http://{}", with.metrics_address().await);
        let text = testbed::eventually(PATIENCE, || async {
            let text = reqwest::get(format!("{base}/metrics"))
                .await
                .ok()?
                .text()
                .await
                .ok()?;
            text.contains("unkey_database_operations_total{")
                .then_some(text)
        })
        .await;
        for family in [
            "unkey_build_info{",
            "unkey_database_operations_latency_seconds_bucket{",
            "process_resident_memory_bytes",
        ] {
            assert!(text.contains(family), "no {family} in {text}");
        }
        let elsewhere = reqwest::get(format!("{base}/health/live"))
            .await
            .expect("answered");
        assert_eq!(elsewhere.status().as_u16(), 404);

        let without = Worker::start(&config(&database.dsn, NO_RESTATE, ""));
        without.logged("started").await;
        assert!(!without.lines().join("\n").contains("metrics are served"));
        assert_eq!(without.get("/metrics").await.0, 404);
    });
}
