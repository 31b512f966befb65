//! The orderly end: running invocations finish, health tells, the exit code is 0.

use std::time::{Duration, Instant};

use messages::hydra::v1::NextVersionRequest;
use mysql::sea_orm::{ConnectionTrait, DbBackend, Statement};
use restate_sdk::prelude::*;
use serde_json::json;
use testbed::{Restate, RestateOptions};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use versioning_client::VersioningClient;

use crate::process::{NO_RESTATE, PATIENCE, Worker, config};

/// Draws a number through the private service.
struct Draw;

#[restate_sdk::service(name = "test.Draw")]
impl Draw {
    #[handler(name = "Next")]
    async fn next(&self, ctx: Context<'_>, region: String) -> HandlerResult<String> {
        let answer = ctx
            .object_client::<VersioningClient>(region)
            .next_version(NextVersionRequest::default())
            .call()
            .await?;
        Ok(answer.version.to_string())
    }
}

#[test]
fn wrk_11_18_a_running_invocation_ends_before_the_process_does() {
    testbed::scenario!("WRK-11", "WRK-18");
    testbed::run(async {
        let database = testbed::migrated_database("drain").await;
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate starts");
        let _driver = testbed::serve_on(&restate, Endpoint::builder().bind(Draw).build()).await;
        let lines = format!(
            "admin_url = \"{}\"\ningress_url = \"{}\"\nregister_as = \"http://127.0.0.1:{{port}}\"",
            restate.admin_url, restate.ingress_url
        );
        let mut worker = Worker::start(&config(&database.dsn, &lines, ""));
        worker.ready().await;
        assert_eq!(
            worker.get("/health/live").await,
            (200, json!({ "status": "ok" }))
        );
        let ingress = restate.ingress();
        assert_eq!(
            ingress
                .call("test.Draw", None, "Next", &"rgn_s")
                .await
                .expect("a number"),
            json!("1")
        );

        // The next draw waits for a row that we hold.
        let db = mysql::Db::connect(&mysql::Options::new(database.dsn.clone()))
            .await
            .expect("connects");
        let held = db.begin().await.expect("a transaction");
        held.execute_unprepared(
            "SELECT v FROM ctrl_worker_region_counters WHERE region_id = 'rgn_s' FOR UPDATE",
        )
        .await
        .expect("locked");
        let call = tokio::spawn({
            let ingress = ingress.clone();
            async move { ingress.call("test.Draw", None, "Next", &"rgn_s").await }
        });
        // Restate calls it running before the worker has it.
        let waiting = format!(
            "SELECT id FROM information_schema.processlist WHERE db = '{}' AND id <> CONNECTION_ID() \
             AND info LIKE '%ctrl_worker_region_counters%'",
            database.name
        );
        testbed::eventually(PATIENCE, || async {
            let rows = Statement::from_string(DbBackend::MySql, waiting.clone());
            let rows = db.primary().query_all_raw(rows).await;
            rows.is_ok_and(|rows| !rows.is_empty())
        })
        .await;

        worker.terminate();
        worker.logged("stopping").await;
        assert_eq!(
            worker.get("/health/ready").await,
            (503, json!({ "status": "shutting down" }))
        );
        assert_eq!(
            worker.get("/health/live").await,
            (200, json!({ "status": "ok" }))
        );
        assert_eq!(
            worker.get("/health/startup").await,
            (200, json!({ "status": "ok" }))
        );
        assert!(worker.runs());

        held.commit().await.expect("released");
        assert_eq!(
            worker.ended().await.code(),
            Some(0),
            "{:#?}",
            worker.lines()
        );
        // With the worker gone nobody could have answered a second try.
        let answer = tokio::time::timeout(PATIENCE, call)
            .await
            .expect("answered")
            .expect("no panic")
            .expect("a number");
        assert_eq!(answer, json!("2"));
        assert!(!worker.lines().join("\n").contains("cut off"));
    });
}

/// A request whose body never comes: it runs until somebody gives up.
async fn stuck(worker: &Worker) -> TcpStream {
    let mut stream = TcpStream::connect(worker.address().await)
        .await
        .expect("connects");
    let head = "POST /invoke/hydra.v1.VersioningService/NextVersion HTTP/1.1\r\nhost: worker\r\n\
                content-type: application/vnd.restate.invocation.v5\r\ncontent-length: 100\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    // Another connection is answered only after this one was accepted.
    worker.get("/health/live").await;
    stream
}

#[test]
fn what_does_not_end_in_time_is_cut_off() {
    testbed::run(async {
        let database = testbed::migrated_database("cut").await;
        let lines = format!("{NO_RESTATE}\ndrain_timeout = \"700ms\"");
        let mut worker = Worker::start(&config(&database.dsn, &lines, ""));
        worker.logged("started").await;
        let _stream = stuck(&worker).await;
        let began = Instant::now();
        worker.terminate();
        assert_eq!(worker.ended().await.code(), Some(0));
        assert!(began.elapsed() >= Duration::from_millis(700));
        assert!(
            worker.lines().join("\n").contains("cut off"),
            "{:#?}",
            worker.lines()
        );
    });
}

#[test]
fn a_second_signal_ends_it_at_once() {
    testbed::run(async {
        let database = testbed::migrated_database("twice").await;
        let mut worker = Worker::start(&config(&database.dsn, NO_RESTATE, ""));
        worker.logged("started").await;
        let _stream = stuck(&worker).await;
        worker.terminate();
        worker.logged("stopping").await;
        assert!(worker.runs());
        worker.terminate();
        assert_eq!(worker.ended().await.code(), Some(1));
    });
}

#[test]
fn an_idle_worker_stops_at_once() {
    testbed::run(async {
        let database = testbed::migrated_database("idle").await;
        let mut worker = Worker::start(&config(&database.dsn, NO_RESTATE, ""));
        worker.logged("started").await;
        let began = Instant::now();
        worker.terminate();
        assert_eq!(worker.ended().await.code(), Some(0));
        println!("stopped after {:?}", began.elapsed());
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:#?}",
            worker.lines()
        );
    });
}
