//! The effect of a step has happened and its record is lost: the step runs again and changes nothing more.

use std::sync::{Arc, Mutex};

use clickhouse_user_client::SERVICE;
use faults::Cut;
use serde_json::json;

use crate::world::*;

#[test]
fn chu_5_a_row_that_was_inserted_is_found_and_keeps_its_password() {
    testbed::scenario!("CHU-5");
    testbed::run(async {
        let w = World::new(30).await;
        let (db, ws, inserted) = (w.db.clone(), w.ws.clone(), Arc::new(Mutex::new(None)));
        let cut = Cut::run_result(SERVICE, "ConfigureUser", "store credentials").of_key(&w.ws);
        // between the insert and its repetition the row gets other limits, as an attempt with another request would leave them
        let seen = Arc::clone(&inserted);
        let cut = w.stack.proxy.cut(cut.doing(move |_| {
            let (db, ws, seen) = (db.clone(), ws.clone(), Arc::clone(&seen));
            async move {
                let sql = "UPDATE clickhouse_workspace_settings SET max_queries_per_window = 77 WHERE workspace_id = ?";
                execute(&db, sql, [ws.as_str().into()]).await;
                *seen.lock().expect("not poisoned") = settings(&db, &ws).await;
            }
        }));
        w.configure(json!({"maxQueriesPerWindow": 500})).await;
        assert!(cut.wait(SOON).await.is_some(), "the answer was lost");
        let settings = w.settings().await.expect("one row");
        let inserted = inserted
            .lock()
            .expect("not poisoned")
            .clone()
            .expect("a row at the cut");
        assert_eq!(inserted.limits[1], 77);
        assert_eq!(settings.limits[1], 500, "the limits of this request");
        assert_eq!(settings.sealed, inserted.sealed, "no second password");
        let me = w.ask("SELECT currentUser()").await;
        assert_eq!(
            me.as_ref(),
            Ok(&w.ws),
            "the stored password is the one in ClickHouse"
        );
        testbed::assert_quiet(&[&w.ws]).await;
    });
}

#[test]
fn a_lost_answer_of_a_later_step_changes_nothing_more() {
    testbed::run(async {
        let w = World::new(30).await;
        w.configure(json!({})).await;
        let before = w.settings().await.expect("a row");
        for step in ["update limits", "configure clickhouse"] {
            let cut = w
                .stack
                .proxy
                .cut(Cut::run_result(SERVICE, "ConfigureUser", step).of_key(&w.ws));
            w.configure(json!({"maxQueriesPerWindow": 321})).await;
            assert!(
                cut.wait(SOON).await.is_some(),
                "{step}: the answer was lost"
            );
            let after = w.settings().await.expect("a row");
            assert_eq!(
                (&after.sealed, after.limits[1]),
                (&before.sealed, 321),
                "{step}"
            );
            let quota = format!(
                "SELECT max_queries FROM system.quota_limits WHERE quota_name = 'workspace_{}_quota'",
                w.ws
            );
            assert_eq!(w.engine(&quota).await, "321", "{step}");
            assert_eq!(
                w.ask("SELECT currentUser()").await.as_ref(),
                Ok(&w.ws),
                "{step}"
            );
        }
    });
}
