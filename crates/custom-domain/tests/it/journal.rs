//! What the handlers journal: names and order are what an upgrade must keep.

use crate::world::*;

/// The commands of the newest invocation of a handler.
async fn journal(key: &str, handler: &str) -> Vec<String> {
    let sql = format!(
        "SELECT j.entry_type, j.name FROM sys_journal j JOIN sys_invocation i ON i.id = j.id \
         WHERE i.target_service_key = '{key}' AND i.target_handler_name = '{handler}' AND i.status = 'completed' \
         AND j.entry_type LIKE 'Command:%' ORDER BY i.created_at, j.index"
    );
    let rows = testbed::admin().await.query(&sql).await.expect("journal");
    let text =
        |row: &serde_json::Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows.iter()
        .map(|row| {
            format!("{} {}", text(row, "entry_type"), text(row, "name"))
                .replace("Command: ", "")
                .trim()
                .to_owned()
        })
        .collect()
}

#[test]
fn the_journal_of_a_success_and_of_a_first_failure() {
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        w.verify().await;
        w.settled().await;
        assert_eq!(
            journal(&w.id, "VerifyDomain").await,
            [
                "Input",
                "Run clock",
                "SetState",
                "Run look",
                "Run decide",
                "Call",
                "Run mark verified",
                "OneWayCall",
                "SetState",
                "OneWayCall",
                "Run note check",
                "Output"
            ]
        );
        assert_eq!(
            journal(&w.id, "Check").await,
            [
                "Input",
                "GetEagerState",
                "Run clock",
                "Run look",
                "ClearState",
                "Output"
            ]
        );
        let w = World::new(&host()).await;
        w.call(&w.id, "RetryVerification").await.expect("answers");
        assert_eq!(
            journal(&w.id, "RetryVerification").await,
            [
                "Input",
                "Run reset verification",
                "Run clock",
                "SetState",
                "Run look",
                "Run decide",
                "SetState",
                "OneWayCall",
                "Run note check",
                "Output"
            ]
        );
    });
}
