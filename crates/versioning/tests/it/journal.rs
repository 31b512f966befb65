//! What each handler journals: names and order are what an upgrade must keep.

use crate::world::*;
use serde_json::{Value, json};
use versioning_client::SERVICE;

async fn journal(region: &str, handler: &str) -> Vec<String> {
    let ingress = ingress().await;
    let id = ingress
        .send(SERVICE, region, handler, &json!({}), None)
        .await
        .expect("sent");
    ingress.attach(&id).await.expect("succeeds");
    let sql = format!(
        "SELECT entry_type, name FROM sys_journal WHERE id = '{id}' AND entry_type LIKE 'Command:%' ORDER BY index"
    );
    let rows = testbed::admin().await.query(&sql).await.expect("journal");
    let entry = |row: &Value| {
        format!(
            "{} {}",
            row["entry_type"].as_str().unwrap_or("-"),
            row["name"].as_str().unwrap_or("")
        )
    };
    rows.iter()
        .map(|row| entry(row).replace("Command: ", "").trim().to_owned())
        .collect()
}

#[test]
fn the_steps_of_both_handlers() {
    testbed::run(async {
        let region = region();
        assert_eq!(
            journal(&region, "NextVersion").await,
            ["Input", "GetEagerState", "Run draw", "SetState", "Output"]
        );
        assert_eq!(
            journal(&region, "GetVersion").await,
            ["Input", "GetEagerState", "Run read", "Output"]
        );
    });
}
