//! How the worker starts, waits, and refuses to start.

use std::time::{Duration, Instant};

use serde_json::json;
use testbed::Proxy;

use crate::process::{NO_DATABASE, NO_RESTATE, Worker, config};

#[test]
fn wrk_16_a_database_that_is_down_is_waited_for_and_a_malformed_address_is_not() {
    testbed::scenario!("WRK-16");
    testbed::run(async {
        let database = testbed::migrated_database("late").await;
        let server: std::net::SocketAddr = database
            .dsn
            .split(['(', ')'])
            .nth(1)
            .and_then(|a| a.parse().ok())
            .expect("an address");
        let proxy = Proxy::start(server).await.expect("a proxy");
        proxy.cut();
        let dsn = database
            .dsn
            .replace(&server.to_string(), &proxy.addr().to_string());
        let mut worker = Worker::start(&config(&dsn, NO_RESTATE, ""));
        worker.logged("the database does not answer yet").await;
        for path in ["/health/startup", "/health/live", "/health/ready"] {
            assert_eq!(
                worker.get(path).await,
                (503, json!({ "status": "not started" })),
                "{path}"
            );
        }
        assert_eq!(worker.get("/discover").await.0, 503);
        assert!(worker.runs());
        proxy.heal();
        worker.logged("started").await;
        assert_eq!(
            worker.get("/health/startup").await,
            (200, json!({ "status": "ok" }))
        );

        let mut malformed = Worker::start(&config("u:hunter2@tcp(127.0.0.1:9", NO_RESTATE, ""));
        assert_eq!(malformed.ended().await.code(), Some(1));
        let said = malformed.lines().join("\n");
        assert!(
            said.contains("database.primary") && !said.contains("hunter2"),
            "{said}"
        );
    });
}

#[test]
fn a_database_without_our_tables_is_refused_with_the_command_that_makes_them() {
    testbed::run(async {
        let empty = testbed::create_database("empty").await;
        let text = config(&empty.dsn, NO_RESTATE, "");
        let mut worker = Worker::start(&text);
        assert_eq!(worker.ended().await.code(), Some(1));
        let said = worker.lines().join("\n");
        assert!(said.contains("worker migrate --config"), "{said}");

        let migrated = tokio::process::Command::new(env!("CARGO_BIN_EXE_worker"))
            .args(["migrate", "--config"])
            .arg(worker.config_path())
            .output()
            .await
            .expect("migrate runs");
        assert!(
            migrated.status.success(),
            "{}",
            String::from_utf8_lossy(&migrated.stderr)
        );
        Worker::start(&text).logged("started").await;
    });
}

#[test]
fn wrk_20_an_occupied_port_ends_the_process() {
    testbed::scenario!("WRK-20");
    testbed::run(async {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("bound").to_string();
        let text = config(NO_DATABASE, NO_RESTATE, "").replace("127.0.0.1:0", &address);
        let mut worker = Worker::start(&text);
        assert_eq!(worker.ended().await.code(), Some(1));
        let said = worker.lines().join("\n");
        assert!(
            said.contains(&format!("cannot listen on {address}")) && said.contains("in use"),
            "{said}"
        );
    });
}

#[test]
fn wrk_22_a_panic_at_start_ends_the_process_in_order() {
    testbed::scenario!("WRK-22");
    testbed::run(async {
        let mut worker = Worker::start(&config(
            NO_DATABASE,
            NO_RESTATE,
            "[test_faults]\npanic_at_start = true",
        ));
        assert_eq!(worker.ended().await.code(), Some(1));
        let said = worker.lines().join("\n");
        for part in [
            "panic: asked for by test_faults.panic_at_start",
            "stopping",
            "start: panicked",
        ] {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
    });
}

#[test]
fn wrk_2_a_wrong_configuration_ends_the_process_naming_every_key() {
    testbed::scenario!("WRK-2");
    testbed::run(async {
        let mut worker = Worker::start("[restate]\nhttp_port = 70000\n");
        assert_eq!(worker.ended().await.code(), Some(1));
        let said = worker.lines().join("\n");
        for key in ["restate.http_port", "cname_domain", "database.primary"] {
            assert!(said.contains(key), "no {key} in {said}");
        }
    });
}

#[test]
fn wrk_1_without_optional_parts_it_is_ready_soon_after_its_start() {
    testbed::scenario!("WRK-1");
    testbed::run(async {
        let database = testbed::migrated_database("soon").await;
        let restate = testbed::Restate::start(testbed::RestateOptions::default())
            .await
            .expect("Restate starts");
        let lines = format!(
            "admin_url = \"{}\"\ningress_url = \"{}\"\nregister_as = \"http://127.0.0.1:{{port}}\"",
            restate.admin_url, restate.ingress_url
        );
        let text = config(&database.dsn, &lines, "");
        let began = Instant::now();
        let worker = Worker::start(&text);
        worker.ready().await;
        let ready = began.elapsed();
        let listening = worker.logged("listening").await["ms"]
            .as_u64()
            .expect("milliseconds");
        let started = worker.logged("started").await["ms"]
            .as_u64()
            .expect("milliseconds");
        println!(
            "listening after {listening} ms, started after {started} ms, ready and registered after {ready:?}"
        );
        // The aim is 300 ms; a busy machine may take its time.
        assert!(ready < Duration::from_secs(10) && listening <= started);
    });
}
