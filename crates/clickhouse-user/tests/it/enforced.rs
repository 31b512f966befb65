//! What the engine lets the user do and see.

use serde_json::json;

use crate::world::*;

#[test]
fn chu_6_a_user_sees_its_own_rows_alone() {
    testbed::scenario!("CHU-6");
    testbed::run(async {
        let (a, b) = (World::new(40).await, World::new(40).await);
        a.verifications(3).await;
        b.verifications(4).await;
        a.configure(json!({})).await;
        b.configure(json!({})).await;
        for table in TABLES {
            let all = a.engine(&format!("SELECT uniqExact(workspace_id) FROM default.{table} WHERE workspace_id IN ('{}', '{}')", a.ws, b.ws)).await;
            assert_eq!(all, "2", "{table}: rows of both are there");
            for w in [&a, &b] {
                let seen = w
                    .ask(&format!(
                        "SELECT DISTINCT workspace_id FROM default.{table}"
                    ))
                    .await;
                assert_eq!(seen.as_ref(), Ok(&w.ws), "{table}");
            }
        }
        let count = |w: &World| {
            let sql = "SELECT count() FROM default.key_verifications_raw_v2".to_owned();
            let (engine, db, vault, ws) = (
                w.stack.engine,
                w.db.clone(),
                w.stack.vault.clone(),
                w.ws.clone(),
            );
            async move {
                let password = password(&db, &vault, &ws).await.expect("a password");
                engine
                    .query_as(&ws, &password, &sql, &[])
                    .await
                    .expect("counted")
            }
        };
        assert_eq!(
            (count(&a).await, count(&b).await),
            ("3\n".to_owned(), "4\n".to_owned())
        );
        let asked = a
            .ask(&format!(
                "SELECT count() FROM default.key_verifications_raw_v2 WHERE workspace_id = '{}'",
                b.ws
            ))
            .await;
        assert_eq!(
            asked.as_deref(),
            Ok("0"),
            "asking for them by name does not help"
        );
    });
}

#[test]
fn chu_7_the_day_thirty_days_ago_is_seen_from_its_beginning() {
    testbed::scenario!("CHU-7");
    testbed::run(async {
        let w = World::new(30).await;
        let ws = &w.ws;
        let day = "toStartOfDay(now() - INTERVAL 30 DAY)";
        let edges = [
            (TABLES[0], format!("toUnixTimestamp({day}) * 1000"), "- 1"),
            (TABLES[1], day.to_owned(), "- INTERVAL 1 MINUTE"),
            (TABLES[2], day.to_owned(), "- INTERVAL 1 HOUR"),
            (TABLES[3], format!("toDate({day})"), "- INTERVAL 1 DAY"),
            (TABLES[4], format!("toDate({day})"), "- INTERVAL 1 DAY"),
        ];
        for (table, first, before) in &edges {
            for (key, time) in [("in", first.clone()), ("out", format!("{first} {before}"))] {
                let sql = format!(
                    "INSERT INTO default.{table} (time, workspace_id, key_space_id, key_id, outcome) SELECT {time}, '{ws}', 'ks', '{table}_{key}', 'VALID'"
                );
                w.engine(&sql).await;
            }
        }
        w.configure(json!({})).await;
        for (table, ..) in &edges {
            let of = format!("FROM default.{table} WHERE key_id IN ('{table}_in', '{table}_out')");
            let there = w
                .engine(&format!("SELECT count() {of} AND workspace_id = '{ws}'"))
                .await;
            assert_eq!(there, "2", "{table}: both rows are there");
            let seen = w.ask(&format!("SELECT key_id {of}")).await;
            assert_eq!(seen, Ok(format!("{table}_in")), "{table}");
        }
    });
}

#[test]
fn chu_8_other_tables_are_not_there_for_it() {
    testbed::scenario!("CHU-8");
    testbed::run(async {
        let w = World::new(30).await;
        w.configure(json!({})).await;
        for sql in [
            "SELECT count() FROM default.ratelimits_raw_v2",
            "SELECT count() FROM default.key_last_used_v1",
            "SELECT name FROM system.users",
            "SELECT name FROM system.row_policies",
            "INSERT INTO default.key_verifications_raw_v2 (workspace_id) VALUES ('x')",
            "DROP TABLE default.key_verifications_raw_v2",
            "CREATE USER intruder",
        ] {
            let refused = w.ask(sql).await.expect_err(sql);
            assert!(
                refused.starts_with("Code: 497") || refused.starts_with("Code: 164"),
                "{sql}: {refused}"
            );
        }
        w.ask("SELECT count() FROM default.key_verifications_raw_v2")
            .await
            .expect("granted");
    });
}

#[test]
fn chu_9_the_third_query_of_two_is_refused() {
    testbed::scenario!("CHU-9");
    testbed::run(async {
        let w = World::new(30).await;
        w.configure(json!({"maxQueriesPerWindow": 2, "quotaDurationSeconds": 3600}))
            .await;
        let sql = "SELECT count() FROM default.key_verifications_raw_v2";
        for _ in 0..2 {
            w.ask(sql).await.expect("within the quota");
        }
        let refused = w.ask(sql).await.expect_err("the third");
        assert!(refused.starts_with("Code: 201"), "{refused}");
    });
}

#[test]
fn chu_10_a_session_cannot_lift_its_limits() {
    testbed::scenario!("CHU-10");
    testbed::run(async {
        let w = World::new(30).await;
        w.configure(json!({"maxQueryResultRows": 5, "maxQueryExecutionTime": 7}))
            .await;
        let sql = "SELECT number FROM numbers(3)";
        for (name, value) in [
            ("max_result_rows", "0"),
            ("max_result_rows", "1000000"),
            ("result_overflow_mode", "break"),
            ("max_memory_usage", "0"),
            ("max_execution_time", "0"),
            ("max_execution_time", "8"),
        ] {
            let refused = w.ask_with(sql, &[(name, value)]).await.expect_err(name);
            assert!(
                refused.starts_with("Code: 452") || refused.starts_with("Code: 164"),
                "{name}={value}: {refused}"
            );
        }
        w.ask_with(sql, &[("max_execution_time", "3")])
            .await
            .expect("shorter is allowed");
        let refused = w
            .ask("SELECT number FROM numbers(6)")
            .await
            .expect_err("too many rows");
        assert!(refused.starts_with("Code: 396"), "{refused}");
    });
}
