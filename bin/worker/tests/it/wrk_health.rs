//! Readiness of a running process.

use serde_json::json;
use testbed::{MariaDb, MariaDbOptions};

use crate::process::{NO_RESTATE, PATIENCE, Worker, config};

#[test]
fn a_lost_database_or_ingress_makes_it_unready_and_is_named() {
    testbed::run(async {
        let mut server = MariaDb::start(MariaDbOptions::default())
            .await
            .expect("MariaDB starts");
        let database = testbed::create_database_on(&server.url(), "lost").await;
        testbed::migrate(&database).await;
        let worker = Worker::start(&config(&database.dsn, NO_RESTATE, ""));
        worker.logged("started").await;
        let (status, body) = worker.get("/health/ready").await;
        assert_eq!(
            (status, &body["checks"]["database"]),
            (503, &json!("ok")),
            "{body}"
        );
        assert!(
            body["checks"]["restate_ingress"]
                .as_str()
                .is_some_and(|t| t != "ok"),
            "{body}"
        );

        server.kill().await;
        testbed::eventually(PATIENCE, || async {
            let (status, body) = worker.get("/health/ready").await;
            if status == 503 && body["checks"]["database"] != "ok" {
                Ok(())
            } else {
                Err(body)
            }
        })
        .await;
        assert_eq!(
            worker.get("/health/live").await,
            (200, json!({ "status": "ok" }))
        );
        server.restart().await.expect("MariaDB starts again");
        testbed::eventually(PATIENCE, || async {
            worker.get("/health/ready").await.1["checks"]["database"] == "ok"
        })
        .await;
    });
}
