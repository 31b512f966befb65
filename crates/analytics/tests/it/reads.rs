//! Answers to the worker's questions.

use analytics::LastUsedPage;
use request_counts::{CountQuery, RequestCounts as _};

use crate::{engine, unique};

#[test]
fn usage_sums_both_tables_and_all_their_rows() {
    testbed::run(async {
        let (server, analytics) = engine().await;
        let (over, under) = (unique("ws_a"), unique("ws_b"));
        for (table, workspace, count) in [
            ("billable_verifications_per_month_v2", &over, 60),
            ("billable_verifications_per_month_v2", &over, 30),
            ("billable_ratelimits_per_month_v2", &over, 10),
            ("billable_verifications_per_month_v2", &under, 99),
        ] {
            let sql = format!(
                "INSERT INTO default.{table} (year, month, workspace_id, count) VALUES (2031, 7, '{workspace}', {count})"
            );
            server.query(&sql).await.expect("inserted");
        }
        let found = analytics.usage(2031, 7, 100).await.expect("usage");
        let mine: Vec<_> = found
            .iter()
            .filter(|u| u.workspace_id == over || u.workspace_id == under)
            .collect();
        assert_eq!(mine.len(), 1, "{mine:?}");
        assert_eq!(
            (mine[0].workspace_id.as_str(), mine[0].total),
            (over.as_str(), 100)
        );
        assert_eq!(analytics.usage(2031, 8, 0).await.expect("usage"), []);
    });
}

#[test]
fn keys_come_in_the_order_of_their_last_use_and_every_partition_has_its_own() {
    testbed::run(async {
        let (server, analytics) = engine().await;
        let workspace = unique("ws");
        // far in the future, where no other test has keys
        let base = 4_000_000_000_000_i64;
        for (key, time) in [("a", 1), ("a", 5), ("b", 5), ("c", 2), ("d", 5)] {
            let sql = format!(
                "INSERT INTO default.key_last_used_v1 (workspace_id, key_space_id, key_id, time) VALUES ('{workspace}', 'ks', '{workspace}{key}', {})",
                base + time
            );
            server.query(&sql).await.expect("inserted");
        }
        let page = |after_time, after_key, partitions, partition, limit| LastUsedPage {
            after_time,
            after_key,
            partitions,
            partition,
            limit,
        };
        let all = analytics
            .last_used(page(base, "", 1, 0, 10))
            .await
            .expect("a page");
        let seen: Vec<(String, i64)> = all
            .iter()
            .map(|k| (k.key_id.replace(&workspace, ""), k.last_used - base))
            .collect();
        let wanted = [("c", 2), ("a", 5), ("b", 5), ("d", 5)].map(|(k, t)| (k.to_owned(), t));
        assert_eq!(seen, wanted);
        // a page that ends between keys of one instant goes on behind its last key
        let behind = format!("{workspace}a");
        let rest = analytics
            .last_used(page(base + 5, &behind, 1, 0, 1))
            .await
            .expect("a page");
        assert_eq!(rest.len(), 1, "the limit holds");
        assert_eq!(rest[0].key_id, format!("{workspace}b"));
        let mut parts = 0;
        for partition in 0..8 {
            let part = analytics
                .last_used(page(base, "", 8, partition, 10))
                .await
                .expect("a page");
            for key in &part {
                let sql = format!("SELECT cityHash64('{}') % 8", key.key_id);
                assert_eq!(
                    server.query(&sql).await.expect("hashed").trim(),
                    partition.to_string()
                );
            }
            parts += part.len();
        }
        assert_eq!(parts, 4, "each key is in exactly one partition");
    });
}

#[test]
fn requests_are_counted_for_one_deployment_since_an_instant() {
    testbed::run(async {
        let (server, analytics) = engine().await;
        let deployment = unique("d");
        let now = "toUnixTimestamp(now()) * 1000";
        for (environment, offset) in [("env_1", "+ 0"), ("env_1", "- 7200000"), ("env_2", "+ 0")] {
            let sql = format!(
                "INSERT INTO default.sentinel_requests_raw_v1 (request_id, time, workspace_id, project_id, environment_id, deployment_id) \
                 VALUES ('r', {now} {offset}, 'ws_1', 'proj_1', '{environment}', '{deployment}')"
            );
            server.query(&sql).await.expect("inserted");
        }
        let now: i64 = server
            .query(&format!("SELECT {now}"))
            .await
            .expect("a clock")
            .trim()
            .parse()
            .expect("a number");
        let query = CountQuery {
            workspace_id: "ws_1",
            project_id: "proj_1",
            environment_id: "env_1",
            deployment_id: &deployment,
            since_ms: now - 3_600_000,
        };
        assert_eq!(analytics.count(query).await.expect("counted"), 1);
        let all = CountQuery {
            since_ms: 0,
            ..query
        };
        assert_eq!(analytics.count(all).await.expect("counted"), 2);
        let nasty = CountQuery {
            deployment_id: "' OR 1 = 1 --\n\\",
            ..all
        };
        assert_eq!(analytics.count(nasty).await.expect("counted"), 0);
        assert!(analytics.configured());
    });
}
