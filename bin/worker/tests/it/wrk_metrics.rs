//! The listener of `/metrics`, and that every family on it is declared and explained.

use std::collections::BTreeMap;

use serde_json::json;
use telemetry::metrics::{FAMILIES, Family};

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

#[test]
fn every_family_is_described_labelled_as_declared_and_explained() {
    testbed::run(async {
        let database = testbed::migrated_database("families").await;
        let restate = testbed::Restate::start(testbed::RestateOptions::default())
            .await
            .expect("Restate starts");
        let lines = format!(
            "admin_url = \"{}\"\ningress_url = \"{}\"\nregister_as = \"http://127.0.0.1:{{port}}\"",
            restate.admin_url, restate.ingress_url
        );
        let sections = "[observability.metrics]\nlisten = \"127.0.0.1:0\"\n[test_timings.deploy]\nreconcile_interval = \"100ms\"\n\
                        [test_timings.scheduler]\nlook = \"100ms\"";
        let worker = Worker::start(&config(&database.dsn, &lines, sections));
        worker.ready().await;
        let request = json!({ "deploymentId": "d_none", "notAField": 1 });
        let refused = restate
            .ingress()
            .call(deploy_client::SERVICE, "ws", "WakeDeployment", &request)
            .await;
        assert_eq!(refused.expect_err("no deployment").status(), Some(404));

        let run = restate
            .ingress()
            .call(scheduler_client::SERVICE, "key-refill", "Run", &json!({}))
            .await;
        run.expect("a run by hand starts");

        let url = format!("http://{}/metrics", worker.metrics_address().await);
        let text = testbed::eventually(PATIENCE, || async {
            let answer = reqwest::get(&url).await.expect("answered");
            let text = answer.text().await.expect("a text");
            let missing: Vec<&str> = FAMILIES
                .iter()
                .map(|f| f.name)
                .filter(|name| !text.contains(&format!("# TYPE {name} ")))
                .collect();
            if missing.is_empty() {
                Ok(text)
            } else {
                Err(missing)
            }
        })
        .await;
        let page = std::fs::read_to_string(testbed::repository().join("docs/metrics.md"))
            .expect("the page");
        for family in FAMILIES {
            let labels = match family.labels {
                [] => "none".to_owned(),
                labels => labels
                    .iter()
                    .map(|l| format!("`{l}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            let row = format!("| `{}` | {labels} | ", family.name);
            assert!(page.contains(&row), "docs/metrics.md has no row {row}");
        }
        for row in page.lines().filter(|l| l.starts_with("| `")) {
            let name = row.split('`').nth(1).expect("a name");
            assert!(
                FAMILIES.iter().any(|f| f.name == name),
                "{name} is no family"
            );
        }
        described_and_labelled_as_declared(&text);
    });
}

/// Checks the text of `/metrics` line by line.
fn described_and_labelled_as_declared(text: &str) {
    let declared: BTreeMap<&str, &Family> = FAMILIES.iter().map(|f| (f.name, f)).collect();
    let mut family = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(
                text.contains(&format!("# HELP {name} ")),
                "{name} is not described"
            );
            family = declared.get(name);
            assert!(
                family.is_some() || name.starts_with("process_"),
                "{name} is not declared"
            );
            if let Some(family) = family {
                let declared = format!("{:?}", family.kind).to_lowercase();
                assert_eq!(kind, declared, "{name}");
            }
        } else if let (Some(family), Some((_, rest))) = (family, line.split_once('{')) {
            let (labels, _) = rest.rsplit_once('}').expect("closed");
            for label in labels.split("\",").filter_map(|l| l.split('=').next()) {
                assert!(
                    label == "le" || family.labels.contains(&label),
                    "{line}: {label}"
                );
            }
        }
    }
}
