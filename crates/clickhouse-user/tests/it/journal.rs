//! What the handler journals: names and order are what an upgrade must keep, and nothing of it is secret.

use clickhouse_user_client::SERVICE;
use serde_json::json;

use crate::world::*;

async fn journal(w: &World) -> (String, Vec<String>) {
    let ingress = testbed::ingress().await;
    let id = ingress
        .send(SERVICE, &*w.ws, "ConfigureUser", &json!({}), None)
        .await
        .expect("sent");
    ingress.attach(&id).await.expect("succeeds");
    let sql = format!(
        "SELECT entry_type, name FROM sys_journal WHERE id = '{id}' AND entry_type LIKE 'Command:%' ORDER BY index"
    );
    let rows = testbed::admin().await.query(&sql).await.expect("journal");
    let entry = |row: &serde_json::Value| {
        let text = format!(
            "{} {}",
            row["entry_type"].as_str().unwrap_or("-"),
            row["name"].as_str().unwrap_or("")
        );
        text.replace("Command: ", "").trim().to_owned()
    };
    (id, rows.iter().map(entry).collect())
}

#[test]
fn the_steps_of_a_new_and_of_a_known_user() {
    testbed::run(async {
        let w = World::new(30).await;
        let (first, steps) = journal(&w).await;
        assert_eq!(
            steps,
            [
                "Input",
                "Run check existing",
                "Run store credentials",
                "Run configure clickhouse",
                "Output"
            ]
        );
        let (second, steps) = journal(&w).await;
        assert_eq!(
            steps,
            [
                "Input",
                "Run check existing",
                "Run update limits",
                "Run configure clickhouse",
                "Output"
            ]
        );
        let password = w.password().await;
        let hex: String = password.bytes().map(|b| format!("{b:02x}")).collect();
        for id in [first, second] {
            let text = kept(testbed::restate().await, &id).await;
            assert!(text.len() > 500, "there is a journal to look at");
            assert!(
                !text.contains(&password) && !text.to_lowercase().contains(&hex),
                "the password is in the journal"
            );
        }
    });
}
