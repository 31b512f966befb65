//! What a call leaves behind, and what a later one changes.

use serde_json::json;

use crate::world::*;

const DEFAULTS: [i64; 6] = [3_600, 1_000, 1_800, 30, 1_000_000_000, 10_000_000];

#[test]
fn chu_1_a_new_workspace_gets_row_user_policies_quota_and_profile() {
    testbed::scenario!("CHU-1");
    testbed::run(async {
        let w = World::new(30).await;
        assert_eq!(w.settings().await, None);
        w.configure(json!({})).await;
        let settings = w.settings().await.expect("a row");
        assert_eq!((&settings.username, settings.limits), (&w.ws, DEFAULTS));
        assert!(!settings.sealed.is_empty());
        let password = w.password().await;
        assert_ne!(settings.sealed, password);
        assert_eq!(password.len(), 64);

        let ws = &w.ws;
        assert_eq!(w.ask("SELECT currentUser()").await.as_ref(), Ok(ws));
        let quota = format!(
            "SELECT duration, max_queries, max_execution_time FROM system.quota_limits WHERE quota_name = 'workspace_{ws}_quota'"
        );
        assert_eq!(w.engine(&quota).await, "3600\t1000\t1800");
        let profile = format!(
            "SELECT setting_name, value FROM system.settings_profile_elements WHERE profile_name = 'workspace_{ws}_profile' ORDER BY setting_name"
        );
        assert_eq!(
            w.engine(&profile).await,
            "max_execution_time\t30\nmax_memory_usage\t1000000000\nmax_result_rows\t10000000\nreadonly\t1\nresult_overflow_mode\tthrow"
        );
        let policies = format!(
            "SELECT table FROM system.row_policies WHERE short_name = 'workspace_{ws}_rls' AND database = 'default' \
             AND apply_to_list = ['{ws}'] AND position(select_filter, '\\'{ws}\\'') > 0 ORDER BY table"
        );
        let mut tables = TABLES;
        tables.sort_unstable();
        assert_eq!(w.engine(&policies).await, tables.join("\n"));
        testbed::assert_quiet(&[ws]).await;
    });
}

#[test]
fn chu_2_a_second_call_keeps_the_password_and_changes_the_limit() {
    testbed::scenario!("CHU-2");
    testbed::run(async {
        let w = World::new(30).await;
        w.configure(json!({})).await;
        let (before, password) = (w.settings().await.expect("a row"), w.password().await);
        w.configure(json!({"maxQueriesPerWindow": 2000})).await;
        let after = w.settings().await.expect("a row");
        assert_eq!(after.sealed, before.sealed, "byte by byte");
        assert_eq!(after.limits[1], 2_000);
        let quota = format!(
            "SELECT max_queries FROM system.quota_limits WHERE quota_name = 'workspace_{}_quota'",
            w.ws
        );
        assert_eq!(w.engine(&quota).await, "2000");
        let me = w
            .stack
            .engine
            .query_as(&w.ws, &password, "SELECT currentUser()", &[])
            .await;
        assert_eq!(
            me,
            Ok(format!("{}\n", w.ws)),
            "the old password still works"
        );
    });
}

#[test]
fn chu_3_zero_and_less_mean_the_default() {
    testbed::scenario!("CHU-3");
    testbed::run(async {
        let w = World::new(30).await;
        w.configure(json!({"maxQueriesPerWindow": 0, "maxQueryExecutionTime": -5, "maxQueryMemoryBytes": "0"})).await;
        assert_eq!(w.settings().await.expect("a row").limits, DEFAULTS);
        let ws = &w.ws;
        let quota = format!(
            "SELECT max_queries FROM system.quota_limits WHERE quota_name = 'workspace_{ws}_quota'"
        );
        assert_eq!(w.engine(&quota).await, "1000");
        let profile = format!(
            "SELECT value, max FROM system.settings_profile_elements WHERE profile_name = 'workspace_{ws}_profile' AND setting_name = 'max_execution_time'"
        );
        assert_eq!(w.engine(&profile).await, "30\t30");
    });
}

#[test]
fn chu_4_a_request_is_absolute() {
    testbed::scenario!("CHU-4");
    testbed::run(async {
        let w = World::new(30).await;
        w.configure(json!({"maxQueriesPerWindow": 2000, "maxQueryResultRows": 5}))
            .await;
        assert_eq!(w.settings().await.expect("a row").limits[1], 2_000);
        w.configure(json!({})).await;
        assert_eq!(w.settings().await.expect("a row").limits, DEFAULTS);
        let quota = format!(
            "SELECT max_queries FROM system.quota_limits WHERE quota_name = 'workspace_{}_quota'",
            w.ws
        );
        assert_eq!(w.engine(&quota).await, "1000");
    });
}

#[test]
fn what_went_astray_in_clickhouse_is_set_right_by_the_next_call() {
    testbed::run(async {
        let w = World::new(30).await;
        w.configure(json!({})).await;
        let ws = &w.ws;
        w.engine(&format!(
            "ALTER USER `{ws}` IDENTIFIED WITH sha256_password BY 'restored from a backup'"
        ))
        .await;
        w.engine(&format!(
            "GRANT SELECT ON default.ratelimits_raw_v2 TO `{ws}`"
        ))
        .await;
        assert!(
            w.ask("SELECT 1")
                .await
                .expect_err("another password")
                .starts_with("Code: 516")
        );
        execute(
            &w.db,
            "UPDATE quota SET logs_retention_days = 5 WHERE workspace_id = ?",
            [ws.as_str().into()],
        )
        .await;
        w.configure(json!({})).await;
        assert_eq!(w.ask("SELECT currentUser()").await.as_ref(), Ok(ws));
        let grants = w.engine(&format!("SHOW GRANTS FOR `{ws}`")).await;
        assert_eq!(grants.lines().count(), TABLES.len(), "{grants}");
        for table in TABLES {
            assert!(
                grants.contains(&format!("GRANT SELECT ON default.{table} TO")),
                "{table}: {grants}"
            );
        }
        let filters = w.engine(&format!("SELECT select_filter FROM system.row_policies WHERE short_name = 'workspace_{ws}_rls'")).await;
        assert!(
            filters.lines().all(|f| f.contains("toIntervalDay(5)")),
            "the retention of now: {filters}"
        );
    });
}
