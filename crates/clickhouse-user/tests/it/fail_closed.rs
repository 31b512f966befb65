//! At no moment of provisioning can the user read a row of another workspace: looked at as that user, after every
//! statement and before its answer. The same look finds the leak when rights are given first.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::world::*;

/// What a user saw at one moment, summed over the tables: rows of others and of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    foreign: u64,
    own: u64,
}

async fn look(ws: &str, password: &str) -> Look {
    let engine = engine().await;
    let mut seen = Look { foreign: 0, own: 0 };
    for table in TABLES {
        for (of, operator) in [(&mut seen.foreign, "<>"), (&mut seen.own, "=")] {
            let sql =
                format!("SELECT count() FROM default.{table} WHERE workspace_id {operator} '{ws}'");
            // no user yet, no right yet: nothing is seen
            if let Ok(count) = engine.query_as(ws, password, &sql, &[]).await {
                *of += count.trim().parse::<u64>().expect("a number");
            }
        }
    }
    seen
}

/// Looks as the user after each statement about it, from now on.
fn watch(w: &World) -> Arc<Mutex<Vec<Look>>> {
    let looks = Arc::new(Mutex::new(Vec::new()));
    let (taken, db, ws) = (Arc::clone(&looks), w.db.clone(), w.ws.clone());
    w.stack.tap.after_each(&w.ws, move || {
        let (taken, db, ws) = (Arc::clone(&taken), db.clone(), ws.clone());
        async move {
            let vault = &stack().await.vault;
            let password = password(&db, vault, &ws)
                .await
                .expect("stored before the first statement");
            let seen = look(&ws, &password).await;
            taken.lock().expect("not poisoned").push(seen);
        }
    });
    looks
}

#[test]
fn at_no_moment_a_foreign_row_is_seen() {
    testbed::run(async {
        let (w, other) = (World::new(40).await, World::new(40).await);
        w.verifications(2).await;
        other.verifications(3).await;
        let looks = watch(&w);
        w.configure(json!({})).await;
        let first: Vec<Look> = looks.lock().expect("not poisoned").drain(..).collect();
        let statements = w.stack.tap.seen(&w.ws);
        assert_eq!(
            (first.len(), statements.len()),
            (10, 10),
            "a look after every statement"
        );
        assert!(first.iter().all(|l| l.foreign == 0), "{first:?}");
        assert!(
            first.last().is_some_and(|l| l.own > 0),
            "the last look was one that can see: {first:?}"
        );

        // a later call takes nothing away for a moment, and again opens nothing
        w.configure(json!({"maxQueriesPerWindow": 100_000})).await;
        let second: Vec<Look> = looks.lock().expect("not poisoned").drain(..).collect();
        assert_eq!(second.len(), 10);
        assert!(
            second
                .iter()
                .all(|l| l.foreign == 0 && l.own == first[9].own),
            "{second:?}"
        );

        // the same statements for a third workspace, rights before policies: the look must find the leak
        let late = World::new(40).await;
        let mut order: Vec<String> = statements
            .iter()
            .map(|s| s.sql.replace(&w.ws, &late.ws))
            .collect();
        let grant = order.pop().expect("the last is the grant");
        assert!(grant.starts_with("GRANT SELECT"), "{grant}");
        order.insert(1, grant);
        let mut leaked = 0;
        for sql in order {
            let sql = sql.replace("{password:String}", "'Kn0wn-password'");
            late.engine(&sql).await;
            leaked += look(&late.ws, "Kn0wn-password").await.foreign;
        }
        assert!(leaked >= 3, "a look that cannot see a leak proves nothing");
    });
}
