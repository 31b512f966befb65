//! Calls that are refused.

use key_last_used::Settings;
use notify::Heartbeat;
use serde_json::json;
use testbed::{Restate, RestateOptions};

use crate::world::*;

#[test]
fn s_8_a_key_that_is_no_partition_is_refused() {
    testbed::scenario!("S-8");
    testbed::run(async {
        let w = World::new().await;
        for (key, total) in [("8", 8), ("x", 8), ("-1", 8), ("0", 0), ("00", 8)] {
            let refused = w.try_partition(key, total).await.expect_err(key);
            assert_eq!(refused.status(), Some(400), "{key} of {total}: {refused}");
            assert!(
                refused.message().is_some_and(|m| m.starts_with("CW0001")),
                "{refused}"
            );
            assert_eq!(w.state(key, "total_partitions").await, None);
        }
        assert_eq!(w.partition("7", 8).await, 0);
    });
}

#[test]
fn without_clickhouse_no_run_succeeds() {
    testbed::run(async {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let endpoint = endpoint(
            testbed::db().await,
            None,
            Settings::default(),
            Heartbeat::none(),
        );
        let _served = testbed::serve_on(&restate, endpoint).await;
        let ingress = restate.ingress();
        let run = ingress.call(SYNC, None, "RunSync", &json!({})).await;
        let part = ingress
            .call(
                PARTITION,
                "0",
                "SyncPartition",
                &json!({"totalPartitions": 8}),
            )
            .await;
        for refused in [run, part] {
            let refused = refused.expect_err("nothing to read from");
            assert_eq!(refused.status(), Some(400), "{refused}");
            let text = refused.message().expect("a text");
            assert!(
                text.starts_with("CW0034") && text.contains("clickhouse.url"),
                "{text}"
            );
        }
    });
}
