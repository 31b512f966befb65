//! Calls that are refused before anything is touched, and calls beside each other.

use std::time::Duration;

use clickhouse_user_client::SERVICE;
use serde_json::json;
use testbed::{Restate, RestateOptions};

use crate::world::*;

#[test]
fn chu_13_a_key_that_is_no_name_reaches_no_server() {
    testbed::scenario!("CHU-13");
    testbed::run(async {
        let stack = stack().await;
        let ingress = testbed::ingress().await;
        for key in [
            "ws_1; DROP USER x",
            "ws_1`",
            "ws-1'",
            "default",
            "provisioner",
        ] {
            let refused = ingress
                .call(SERVICE, key, "ConfigureUser", &json!({}))
                .await
                .expect_err(key);
            assert_eq!(refused.status(), Some(400), "{key}: {refused}");
            assert!(
                refused.message().is_some_and(|m| m.starts_with("CW0001")),
                "{refused}"
            );
            assert_eq!(settings(&testbed::db().await, key).await, None);
        }
        for text in [
            "DROP USER",
            "`ws_1`",
            "'ws_1'",
            "ws-1",
            "`default`",
            "`provisioner`",
        ] {
            assert_eq!(stack.tap.seen(text).len(), 0, "{text}: no statement");
        }
    });
}

#[test]
fn chu_14_without_a_quota_row_the_first_attempt_ends_it() {
    testbed::scenario!("CHU-14");
    testbed::run(async {
        let w = World::new(30).await;
        execute(
            &w.db,
            "DELETE FROM quota WHERE workspace_id = ?",
            [w.ws.as_str().into()],
        )
        .await;
        let ingress = testbed::ingress().await;
        let id = ingress
            .send(SERVICE, &*w.ws, "ConfigureUser", &json!({}), None)
            .await
            .expect("sent");
        let refused = ingress.attach(&id).await.expect_err("no quota");
        assert_eq!(refused.status(), Some(404), "{refused}");
        assert!(
            refused.message().is_some_and(|m| m.starts_with("CW0025")),
            "{refused}"
        );
        let sql = format!("SELECT retry_count FROM sys_invocation WHERE id = '{id}'");
        let rows = testbed::admin()
            .await
            .query(&sql)
            .await
            .expect("an invocation");
        assert!(
            rows[0]["retry_count"].as_u64().unwrap_or(0) <= 1,
            "{rows:?}"
        );
        assert_eq!(w.settings().await, None);
        assert_eq!(w.stack.tap.seen(&w.ws).len(), 0);
    });
}

#[test]
fn a_workspace_that_is_unknown_deleted_disabled_or_keeps_logs_for_less_than_no_days_is_refused() {
    testbed::run(async {
        let w = World::new(30).await;
        let refuse = |status: u16, code: &'static str| {
            let w = &w;
            async move {
                let refused = w.try_configure(json!({})).await.expect_err(code);
                assert_eq!(refused.status(), Some(status), "{refused}");
                assert!(
                    refused.message().is_some_and(|m| m.starts_with(code)),
                    "{refused}"
                );
            }
        };
        for (column, value, status, code) in [
            ("deleted_at_m", "1", 404, "CW0003"),
            ("enabled", "0", 409, "CW0023"),
        ] {
            let sql = format!("UPDATE workspaces SET {column} = {value} WHERE id = ?");
            execute(&w.db, &sql, [w.ws.as_str().into()]).await;
            refuse(status, code).await;
            let sql = "UPDATE workspaces SET deleted_at_m = NULL, enabled = 1 WHERE id = ?";
            execute(&w.db, sql, [w.ws.as_str().into()]).await;
        }
        execute(
            &w.db,
            "UPDATE quota SET logs_retention_days = -1 WHERE workspace_id = ?",
            [w.ws.as_str().into()],
        )
        .await;
        refuse(500, "CW0028").await;
        assert_eq!(
            (w.settings().await, w.stack.tap.seen(&w.ws).len()),
            (None, 0)
        );
        // the database compares without case; another spelling is another name in ClickHouse
        let ingress = testbed::ingress().await;
        let shouted = ingress
            .call(SERVICE, &*w.ws.to_uppercase(), "ConfigureUser", &json!({}))
            .await;
        assert_eq!(shouted.expect_err("unknown").status(), Some(404));
    });
}

#[test]
fn chu_15_calls_of_one_workspace_follow_each_other_and_those_of_two_do_not() {
    testbed::scenario!("CHU-15");
    testbed::run(async {
        let (a, b) = (World::new(30).await, World::new(30).await);
        for w in [&a, &b] {
            w.stack.tap.delay(&w.ws, Duration::from_millis(60));
        }
        futures::join!(
            a.configure(json!({})),
            a.configure(json!({"maxQueriesPerWindow": 9})),
            b.configure(json!({}))
        );
        let (of_a, of_b) = (a.stack.tap.seen(&a.ws), b.stack.tap.seen(&b.ws));
        assert_eq!((of_a.len(), of_b.len()), (20, 10), "two runs and one");
        assert!(
            of_a[9].sql.starts_with("GRANT") && of_a[10].sql.starts_with("CREATE USER"),
            "one run after the other"
        );
        assert!(
            of_a.windows(2).all(|two| two[0].ended <= two[1].begun),
            "no two statements of one workspace at once"
        );
        let overlap = of_a
            .iter()
            .any(|x| of_b.iter().any(|y| x.begun < y.ended && y.begun < x.ended));
        assert!(overlap, "the other workspace did not wait");
    });
}

#[test]
fn without_configuration_every_call_is_refused_with_what_to_configure() {
    testbed::run(async {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let _served = testbed::serve_on(&restate, endpoint(testbed::db().await, None)).await;
        let ws = workspace(&testbed::db().await, 30).await;
        let refused = restate
            .ingress()
            .call(SERVICE, &*ws, "ConfigureUser", &json!({}))
            .await
            .expect_err("unconfigured");
        assert_eq!(refused.status(), Some(400), "{refused}");
        let text = refused.message().expect("a text");
        assert!(
            text.starts_with("CW0034")
                && text.contains("clickhouse.admin_url")
                && text.contains("vault.url"),
            "{text}"
        );
        assert_eq!(settings(&testbed::db().await, &ws).await, None);
    });
}
