//! Keys that are refused, batches and pages, and the journal an upgrade must keep.

use crate::world::*;
use faults::Cut;
use quota_check::Unconfigured;
use quota_check_client::SERVICE;
use restate_api::ApiError;
use serde_json::{Value, json};
use std::sync::Arc;

#[test]
fn a_run_is_a_beginning_a_page_a_look_and_a_step_a_message() {
    testbed::run(async {
        let world = World::new().await;
        for _ in 0..2 {
            world.add(&workspace(1, 500_000)).await;
        }
        assert_eq!(world.run().await.expect("runs"), (2, 2, 2));
        assert_eq!(
            world.commands(),
            [
                "GetEagerState",
                "GetEagerState",
                "GetEagerState",
                "Run begin",
                "Run get billable usage above threshold",
                "Run fetch workspaces",
                "Run notify",
                "SetState",
                "Run notify",
                "SetState",
                "SetState",
                "ClearState",
                "ClearState",
                "Run send heartbeat",
                "Output",
            ]
        );
    });
}

/// `asked` of every step in the journal of an invocation, in order: the ids of each statement.
async fn asked(id: &str) -> Vec<u64> {
    let sql = format!("SELECT entry_json FROM sys_journal WHERE id = '{id}' ORDER BY index");
    let rows = testbed::admin().await.query(&sql).await.expect("journal");
    let texts = rows.iter().filter_map(|row| row["entry_json"].as_str());
    let mut found = Vec::new();
    for text in texts {
        let entry: Value = serde_json::from_str(text).expect("JSON");
        let result =
            find_bytes(&entry).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let asked = result.and_then(|result| result["asked"].as_array().cloned());
        found.extend(asked.into_iter().flatten().filter_map(|n| n.as_u64()));
    }
    found
}

/// The first list of bytes in a JSON document.
fn find_bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Array(items) => {
            let bytes: Option<Vec<u8>> = items
                .iter()
                .map(|item| item.as_u64().and_then(|n| u8::try_from(n).ok()))
                .collect();
            bytes
                .filter(|b| !b.is_empty())
                .or_else(|| items.iter().find_map(find_bytes))
        }
        Value::Object(map) => map.values().find_map(find_bytes),
        _ => None,
    }
}

#[test]
fn qta_12_two_hundred_and_fifty_workspaces_are_three_looks_also_after_a_crash() {
    testbed::scenario!("QTA-12");
    testbed::run(async {
        for crash in [false, true] {
            let world = World::new().await;
            let mut ids = Vec::new();
            for n in 0..250 {
                // five of them are over
                let quota = if n % 50 == 7 { 1 } else { 900_000 };
                let id = world.add(&workspace(quota, 500_000)).await;
                if quota == 1 {
                    ids.push(id);
                }
            }
            ids.sort();
            let lost = Cut::run_result(SERVICE, "RunCheck", "fetch workspaces");
            let cut = crash.then(|| world.proxy.cut(lost));
            let ingress = testbed::ingress().await;
            let sent = ingress
                .send(SERVICE, &*world.month, "RunCheck", &json!({}), None)
                .await;
            let id = sent.expect("sent");
            let answer = ingress.attach(&id).await.expect("runs");
            if let Some(cut) = cut {
                assert!(cut.wait(SOON).await.is_some(), "no crash");
            }
            assert_eq!(counts(&answer), (250, 5, 5), "crash: {crash}");
            assert_eq!(world.steps("fetch workspaces"), 1);
            assert_eq!(asked(&id).await, [100, 100, 50]);
            assert_eq!(world.told(), ids, "each once, in the order of their ids");
        }
    });
}

#[test]
fn usage_is_read_page_by_page() {
    testbed::run(async {
        let usage = Arc::new(Usage::default());
        let world = World::over(usage.clone(), usage, Some(ok()), ok(), 2).await;
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(world.add(&workspace(1, 500_000)).await);
        }
        ids.sort();
        assert_eq!(world.run().await.expect("runs"), (4, 4, 4));
        assert_eq!(world.told(), ids);
        assert_eq!(world.steps("get billable usage above threshold"), 3);
    });
}

#[test]
fn qta_15_a_key_that_is_no_month_is_refused_at_the_first_attempt() {
    testbed::scenario!("QTA-15");
    testbed::run(async {
        let world = World::new().await;
        for bad in ["2026-13", "2026-1", "abc"] {
            let ingress = testbed::ingress().await;
            let sent = ingress
                .send(SERVICE, bad, "RunCheck", &json!({}), None)
                .await;
            let id = sent.expect("sent");
            let error = ingress.attach(&id).await.expect_err(bad);
            let ApiError::Status {
                status, message, ..
            } = &error
            else {
                panic!("{error:?}");
            };
            assert_eq!(*status, 400, "{bad}");
            assert!(message.starts_with("CW0045: "), "{message}");
            let attempts = world
                .proxy
                .journal()
                .iter()
                .filter(|seen| seen.key == bad)
                .map(|seen| seen.attempt)
                .max();
            assert_eq!(attempts, Some(1), "{bad}");
        }
        assert_eq!((world.asked(), world.beats()), (0, 0));
    });
}

#[test]
fn qta_16_without_clickhouse_nothing_is_told_and_no_success_is_reported() {
    testbed::scenario!("QTA-16");
    testbed::run(async {
        let usage = Arc::new(Usage::default());
        let world = World::over(Arc::new(Unconfigured), usage, Some(ok()), ok(), 100).await;
        world.add(&workspace(1, 500_000)).await;
        let error = world.run().await.expect_err("there is no ClickHouse");
        let ApiError::Status {
            status, message, ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(*status, 400);
        assert!(
            message.starts_with("CW0034: There is no ClickHouse"),
            "{message}"
        );
        assert!(world.messages().is_empty());
        assert!(world.state().await.is_empty());
        assert_eq!(world.beats(), 0);
    });
}
