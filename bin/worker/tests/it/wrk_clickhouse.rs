//! ClickHouse in the configuration: services are served with it and without it, and a login that is refused keeps nobody
//! from starting.

use std::collections::BTreeSet;

use serde_json::json;
use testbed::{Proxy, Restate, RestateOptions};

use crate::process::{Worker, config};

async fn restate() -> (Restate, String) {
    let restate = Restate::start(RestateOptions::default())
        .await
        .expect("Restate starts");
    let lines = format!(
        "admin_url = \"{}\"\ningress_url = \"{}\"\nregister_as = \"http://127.0.0.1:{{port}}\"",
        restate.admin_url, restate.ingress_url
    );
    (restate, lines)
}

async fn served(restate: &Restate) -> BTreeSet<String> {
    let services = restate.admin().services().await.expect("services");
    services.into_iter().map(|s| s.name).collect()
}

#[test]
fn chu_16_wrk_9_the_full_list_is_served_and_what_is_not_configured_says_so() {
    testbed::scenario!("CHU-16", "WRK-9");
    testbed::run(async {
        let database = testbed::migrated_database("clickhouse").await;
        let manifest = worker::manifest::of_this_build().await.expect("a manifest");
        let manifest = serde_json::to_value(manifest).expect("JSON");
        let all: BTreeSet<String> = manifest["services"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|s| s["name"].as_str().map(str::to_owned))
            .collect();
        assert!(all.contains(clickhouse_user_client::SERVICE));

        let (without, lines) = restate().await;
        let worker = Worker::start(&config(
            &database.dsn,
            &lines,
            "[clickhouse]\nadmin_url = \"\"",
        ));
        worker.ready().await;
        assert!(served(&without).await.is_superset(&all));
        let refused = without
            .ingress()
            .call(
                clickhouse_user_client::SERVICE,
                "ws_1",
                "ConfigureUser",
                &json!({}),
            )
            .await
            .expect_err("not configured");
        assert_eq!(refused.status(), Some(400), "{refused}");
        let text = refused.message().expect("a text");
        assert!(
            text.starts_with("CW0034") && text.contains("clickhouse.admin_url"),
            "{text}"
        );
        drop(worker);

        let (with, lines) = restate().await;
        let sections = "[vault]\nurl = \"http://127.0.0.1:9\"\ntoken = \"t\"\n[clickhouse]\nadmin_url = \"clickhouse://a:b@127.0.0.1:9000\"";
        let worker = Worker::start(&config(&database.dsn, &lines, sections));
        worker.ready().await;
        assert!(served(&with).await.is_superset(&all), "the same list");
        let unknown = with
            .ingress()
            .call(
                clickhouse_user_client::SERVICE,
                "ws_1",
                "ConfigureUser",
                &json!({}),
            )
            .await
            .expect_err("no such workspace");
        assert_eq!(
            unknown.status(),
            Some(404),
            "configured, so it looks: {unknown}"
        );
    });
}

#[test]
fn wrk_17_a_refused_login_is_not_tried_again_and_the_worker_starts() {
    testbed::scenario!("WRK-17");
    testbed::run(async {
        let engine = clickhouse_engine::shared().await;
        let upstream = engine.http_url();
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/');
        let proxy = Proxy::start(upstream.parse().expect("an address"))
            .await
            .expect("proxy");
        let database = testbed::migrated_database("refused").await;
        let (restate, lines) = restate().await;
        let sections = format!(
            "[clickhouse]\nurl = \"clickhouse://default:hunter2@127.0.0.1:9000\"\nhttp_url = \"http://{}\"",
            proxy.addr()
        );
        let worker = Worker::start(&config(&database.dsn, &lines, &sections));
        worker.ready().await;
        assert!(
            proxy.accepted() <= 1,
            "the login is not tried again and again"
        );
        // the login is refused indeed: the first who needs it hears so, at once and without the password
        let body = json!({"totalPartitions": 8});
        let id = restate
            .ingress()
            .send(
                key_last_used_partition_client::SERVICE,
                "0",
                "SyncPartition",
                &body,
                None,
            )
            .await
            .expect("sent");
        let sql = format!("SELECT last_failure FROM sys_invocation WHERE id = '{id}'");
        let failure = testbed::eventually(crate::process::PATIENCE, || async {
            let rows = restate.admin().query(&sql).await.ok()?;
            rows.first()?["last_failure"].as_str().map(str::to_owned)
        })
        .await;
        assert!(
            failure.contains("516") && !failure.contains("hunter2"),
            "{failure}"
        );
        assert!(!worker.lines().join("\n").contains("hunter2"));
    });
}
