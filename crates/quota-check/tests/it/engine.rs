//! Usage from a real ClickHouse engine.

use crate::world::*;
use analytics::{Address, Analytics};
use std::sync::Arc;

#[test]
fn qta_4_verifications_and_rate_limits_are_added_up() {
    testbed::scenario!("QTA-4");
    testbed::run(async {
        let engine = clickhouse_engine::shared().await;
        let address = Address::parse(&engine.native_url(), Some(&engine.http_url()));
        let analytics = Analytics::new(&address.expect("an address")).expect("a client");
        let unused = Arc::new(Usage::default());
        let world = World::over(Arc::new(analytics), unused, Some(ok()), ok(), 2).await;
        let (year, month) = world.month.split_once('-').expect("a month");
        let month: u8 = month.parse().expect("a number");

        let both = world.add(&workspace(300_000, 0)).await;
        let below = world.add(&workspace(300_000, 0)).await;
        let last_month = world.add(&workspace(1, 0)).await;
        let little = world.add(&workspace(1, 0)).await;
        let alone = world.add(&workspace(150_000, 0)).await;
        for (table, id, month, count) in [
            // two rows of one month, as they lie until the engine merges them
            ("verifications", &both, month, 120_000),
            ("verifications", &both, month, 80_000),
            ("ratelimits", &both, month, 150_000),
            ("verifications", &below, month, 299_999),
            ("verifications", &last_month, month + 1, 900_000),
            ("ratelimits", &little, month, 149_999),
            ("ratelimits", &alone, month, 150_000),
        ] {
            let sql = format!(
                "INSERT INTO default.billable_{table}_per_month_v2 (year, month, workspace_id, count) VALUES ({year}, {month}, '{id}', {count})"
            );
            engine.query(&sql).await.expect("inserted");
        }
        assert_eq!(world.run().await.expect("runs"), (3, 2, 2));
        let mut ids = vec![both.clone(), alone];
        ids.sort();
        assert_eq!(world.told(), ids);
        let messages = world.messages();
        let of_both = &messages[ids.iter().position(|id| *id == both).expect("told")];
        assert_eq!(
            of_both["blocks"][3]["fields"][1]["text"],
            "*Used:*\n350,000"
        );
    });
}

#[test]
fn a_table_that_is_missing_is_waited_for_and_a_login_that_is_refused_too() {
    testbed::run(async {
        let engine = clickhouse_engine::shared().await;
        let url = "clickhouse://nobody:wrong@127.0.0.1:9000/default";
        let address = Address::parse(url, Some(&engine.http_url())).expect("an address");
        let analytics = Analytics::new(&address).expect("a client");
        let query = quota_check::UsageQuery {
            year: 2026,
            month: 1,
            minimum: 150_000,
            after: "",
            limit: 10,
        };
        let error = quota_check::BillableUsage::page(&analytics, query)
            .await
            .expect_err("refused");
        assert!(
            matches!(error, quota_check::UsageError::Unavailable(_)),
            "{error:?}"
        );
        assert!(!error.to_string().contains("wrong"), "{error}");
    });
}
