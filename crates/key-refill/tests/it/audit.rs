//! The audit rows: one entry and two targets for each key that was refilled.

use crate::world::*;
use mysql::sea_orm::{FromQueryResult, JsonValue};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The rows of a table as JSON objects, nulls left out, `pk` too; JSON columns parsed.
async fn table(world: &World, sql: &str) -> Vec<Value> {
    let rows = world.rows(sql, []).await;
    rows.iter()
        .map(|row| {
            let mut value = JsonValue::from_query_result(row, "").expect("JSON");
            let object = value.as_object_mut().expect("an object");
            object.remove("pk");
            for name in ["meta", "actor_meta"] {
                if let Some(Value::String(text)) = object.get(name) {
                    let parsed: Value = serde_json::from_str(text).expect("JSON");
                    object.insert(name.to_owned(), parsed);
                }
            }
            value
        })
        .collect()
}

#[test]
fn ref_9_an_entry_says_who_refilled_what() {
    testbed::scenario!("REF-9");
    testbed::run(async {
        let world = World::new().await;
        let key = Key {
            name: Some("prod".to_owned()),
            amount: Some(10),
            remaining: Some(7),
            ..daily()
        };
        let key = world.key(&key).await;
        let before = mysql::now_ms();
        assert_eq!(world.run(&again("2026-01-31")).await.expect("runs"), 1);

        let mut entries = table(&world, "SELECT * FROM audit_log").await;
        assert_eq!(entries.len(), 1, "{entries:?}");
        let at = entries[0]["time"].as_i64().expect("an instant");
        assert!((before..=mysql::now_ms()).contains(&at), "{at}");
        let hash = Sha256::digest(key.as_bytes());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let id = format!("log_258d90{}", &hash[..18]);
        let ws = world.workspace.as_str();
        assert_eq!(
            entries.remove(0),
            json!({
                "id": id, "workspace_id": ws, "bucket": "unkey_mutations", "bucket_id": ws, "event": "key.update", "time": at,
                "display": "Refilled key prod", "remote_ip": null, "user_agent": null, "actor_type": "system",
                "actor_id": "keyrefill", "actor_name": "Key Refill Service", "actor_meta": {}, "created_at": at, "updated_at": null,
            })
        );
        assert_eq!(id.len(), "log_".len() + 24);
        let targets = table(&world, "SELECT * FROM audit_log_target ORDER BY type").await;
        assert_eq!(
            targets,
            [
                json!({
                    "workspace_id": ws, "bucket_id": ws, "bucket": "unkey_mutations", "audit_log_id": id, "display_name": "prod",
                    "type": "key", "id": key, "name": "prod", "created_at": at, "updated_at": null,
                    "meta": {"refill_amount": 10, "previous_remaining": 7, "new_remaining": 10},
                }),
                json!({
                    "workspace_id": ws, "bucket_id": ws, "bucket": "unkey_mutations", "audit_log_id": id, "display_name": ws,
                    "type": "workspace", "id": ws, "name": null, "created_at": at, "updated_at": null, "meta": {},
                }),
            ]
        );
    });
}

#[test]
fn ref_10_a_key_without_name_is_told_by_its_id() {
    testbed::scenario!("REF-10");
    testbed::run(async {
        let world = World::new().await;
        for name in [None, Some(String::new())] {
            let key = Key {
                name: name.clone(),
                ..daily()
            };
            let id = world.key(&key).await;
            assert_eq!(world.run(&again("2026-01-31")).await.expect("runs"), 1);
            let sql = format!(
                "SELECT a.display, t.display_name, t.name FROM audit_log a JOIN audit_log_target t ON t.audit_log_id = a.id WHERE t.id = '{id}'"
            );
            let expected =
                json!({"display": format!("Refilled key {id}"), "display_name": id, "name": name});
            assert_eq!(table(&world, &sql).await, [expected]);
        }
    });
}

#[test]
fn a_name_that_fills_its_column_is_cut_in_the_sentence_alone() {
    testbed::run(async {
        let world = World::new().await;
        let name = "ü".repeat(256);
        let key = Key {
            name: Some(name.clone()),
            ..daily()
        };
        let id = world.key(&key).await;
        assert_eq!(world.run(&again("2026-01-31")).await.expect("runs"), 1);
        let sql = format!(
            "SELECT a.display, t.name FROM audit_log a JOIN audit_log_target t ON t.audit_log_id = a.id WHERE t.id = '{id}'"
        );
        let display = format!("Refilled key {}", "ü".repeat(243));
        assert_eq!(
            table(&world, &sql).await,
            [json!({"display": display, "name": name})]
        );
    });
}

#[test]
fn ref_11_every_key_is_refilled_once_however_many_chunks_there_are() {
    testbed::scenario!("REF-11");
    testbed::run(async {
        let settings = key_refill::Settings {
            chunk: 100,
            ..key_refill::Settings::default()
        };
        let world = World::with(settings, faults::http::Script::new().answer(200, "ok")).await;
        world.bulk(250).await;
        assert_eq!(world.run(&again("2026-01-31")).await.expect("runs"), 250);
        for (sql, count) in [
            (
                "SELECT COUNT(*) FROM `keys` WHERE remaining_requests = 1000 AND last_refill_at IS NOT NULL",
                250,
            ),
            ("SELECT COUNT(*) FROM audit_log", 250),
            ("SELECT COUNT(*) FROM audit_log_target", 500),
            (
                "SELECT COUNT(DISTINCT id) FROM audit_log_target WHERE type = 'key'",
                250,
            ),
            ("SELECT COUNT(*) FROM ctrl_worker_refills", 0),
        ] {
            assert_eq!(world.count(sql).await, count, "{sql}");
        }
        assert_eq!(world.beats(), 1);
    });
}
