//! The log of builds before a real engine, one that is away, and one that refuses.

use std::time::Duration;

use analytics::{Address, Analytics, BuildOf};
use build_log::{BuildLog, Limits, LogRow, StepRow};
use testbed::Proxy;

const SOON: Duration = Duration::from_secs(60);

/// A store behind a proxy, and a deployment nobody else has.
async fn world() -> (Proxy, Analytics, String) {
    let engine = clickhouse_engine::shared().await;
    let url = engine.http_url();
    let addr = url.trim_start_matches("http://").trim_end_matches('/');
    let proxy = Proxy::start(addr.parse().expect("an address")).await;
    let proxy = proxy.expect("a port");
    let http = format!("http://{}/", proxy.addr());
    let address = Address::parse(&engine.native_url(), Some(&http)).expect("an address");
    let store = Analytics::new(&address).expect("a client");
    (proxy, store, ids::random(ids::Prefix::ROUTE))
}

/// Writes early and tries again soon.
fn quick() -> Limits {
    Limits {
        every: Duration::from_millis(20),
        pause: Duration::from_millis(20),
        tries: 1_000,
        ..Limits::default()
    }
}

fn line(deployment: &str, n: usize) -> LogRow {
    LogRow {
        // many of them within a millisecond
        time: 1_900_000_000_000 + i64::try_from(n / 100).expect("small"),
        workspace_id: "ws_1".to_owned(),
        project_id: "proj_1".to_owned(),
        deployment_id: deployment.to_owned(),
        step_id: "sha256:a".to_owned(),
        message: format!("line {n}\n"),
    }
}

fn step(deployment: &str) -> StepRow {
    StepRow {
        step_id: "sha256:a".to_owned(),
        started_at: 1_900_000_000_000,
        completed_at: 1_900_000_000_009,
        workspace_id: "ws_1".to_owned(),
        project_id: "proj_1".to_owned(),
        deployment_id: deployment.to_owned(),
        name: "[1/1] RUN 'make'".to_owned(),
        cached: true,
        error: "exit code: 2".to_owned(),
        has_logs: true,
    }
}

async fn lines(deployment: &str) -> Vec<String> {
    let engine = clickhouse_engine::shared().await;
    let address = Address::parse(&engine.native_url(), Some(&engine.http_url()));
    let store = Analytics::new(&address.expect("an address")).expect("a client");
    let of = BuildOf {
        workspace_id: "ws_1",
        project_id: "proj_1",
        deployment_id: deployment,
    };
    let mut lines = Vec::new();
    let read = store.build_lines(of, 0, |line| lines.push(line.message));
    read.await.expect("lines");
    lines
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("line {n}\n")).collect()
}

#[test]
fn steps_and_lines_are_there_in_order_when_the_log_is_closed() {
    testbed::run(async {
        let (_proxy, store, deployment) = world().await;
        let limits = Limits {
            // only full batches, and the rest at the end
            every: Duration::from_secs(3_600),
            ..Limits::default()
        };
        let log = BuildLog::start(store, limits);
        for n in 0..2_500 {
            log.line(line(&deployment, n));
        }
        log.step(step(&deployment));
        log.close(SOON).await;
        assert_eq!(lines(&deployment).await, expected(2_500));
        assert_eq!(log.dropped(), 0);
        let engine = clickhouse_engine::shared().await;
        let sql = format!(
            "SELECT step_id, started_at, completed_at, workspace_id, project_id, name, cached, error, has_logs \
             FROM build_steps_v1 WHERE deployment_id = '{deployment}'"
        );
        let row = engine.query(&sql).await.expect("a row");
        assert_eq!(
            row.trim_end(),
            "sha256:a\t1900000000000\t1900000000009\tws_1\tproj_1\t[1/1] RUN \\'make\\'\ttrue\texit code: 2\ttrue"
        );
        log.line(line(&deployment, 9_999));
        assert_eq!(log.dropped(), 1, "after the end");
    });
}

#[test]
fn a_small_log_is_written_without_waiting_for_a_batch() {
    testbed::run(async {
        let (_proxy, store, deployment) = world().await;
        let log = BuildLog::start(store, quick());
        log.line(line(&deployment, 0));
        testbed::eventually(SOON, || async { lines(&deployment).await == expected(1) }).await;
        log.close(SOON).await;
        log.close(SOON).await;
        assert_eq!(log.dropped(), 0);
    });
}

#[test]
fn lines_wait_for_a_store_that_is_away_and_come_once() {
    testbed::run(async {
        let (proxy, store, deployment) = world().await;
        proxy.cut();
        let log = BuildLog::start(store, quick());
        for n in 0..1_500 {
            log.line(line(&deployment, n));
        }
        let refused = proxy.accepted();
        testbed::eventually(SOON, || async { proxy.accepted() > refused + 2 }).await;
        assert!(lines(&deployment).await.is_empty());
        proxy.heal();
        log.close(SOON).await;
        assert_eq!(lines(&deployment).await, expected(1_500));
        assert_eq!(log.dropped(), 0);
    });
}

#[test]
fn what_a_store_that_stays_away_leaves_is_counted_and_the_end_is_not_held_up() {
    testbed::run(async {
        let (proxy, store, deployment) = world().await;
        proxy.freeze();
        let limits = Limits {
            rows: 50,
            ..quick()
        };
        let log = BuildLog::start(store, limits);
        for n in 0..70 {
            log.line(line(&deployment, n));
        }
        assert_eq!(log.dropped(), 20, "what does not fit");
        log.close(Duration::from_millis(100)).await;
        assert_eq!(log.dropped(), 70);
        // some tries later the batch is given up, and the next ones go on
        let (proxy, store, deployment) = world().await;
        proxy.cut();
        let limits = Limits {
            tries: 2,
            ..quick()
        };
        let log = BuildLog::start(store, limits);
        log.line(line(&deployment, 0));
        testbed::eventually(SOON, || async { log.dropped() == 1 }).await;
        proxy.heal();
        log.line(line(&deployment, 0));
        log.close(SOON).await;
        assert_eq!(lines(&deployment).await, expected(1));
        assert_eq!(log.dropped(), 1);
    });
}

#[test]
fn a_write_whose_answer_was_lost_is_not_written_twice() {
    testbed::run(async {
        let (_proxy, store, deployment) = world().await;
        let rows = [line(&deployment, 0), line(&deployment, 1)];
        let token = format!("token-{deployment}");
        for _ in 0..2 {
            let written = store.write_build_lines(&rows, &token);
            written.await.expect("written");
        }
        assert_eq!(lines(&deployment).await, expected(2));
        // the same text under another token is another write
        let written = store.write_build_lines(&rows[..1], "another");
        written.await.expect("written");
        assert_eq!(lines(&deployment).await.len(), 3);
    });
}

#[test]
fn a_store_without_the_tables_refuses_and_nothing_is_tried_again() {
    testbed::run(async {
        let engine = clickhouse_engine::shared().await;
        let made = engine.query("CREATE DATABASE IF NOT EXISTS without_builds");
        made.await.expect("a database");
        let native = engine.native_url_of("without_builds");
        let address = Address::parse(&native, Some(&engine.http_url())).expect("an address");
        let store = Analytics::new(&address).expect("a client");
        let log = BuildLog::start(store, quick());
        log.step(step("d_1"));
        testbed::eventually(SOON, || async { log.dropped() == 1 }).await;
        log.close(SOON).await;
        let nowhere = BuildLog::nowhere();
        nowhere.step(step("d_1"));
        nowhere.close(SOON).await;
        assert_eq!(nowhere.dropped(), 0);
    });
}
