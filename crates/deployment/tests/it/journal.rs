//! What each handler journals: names and order are what an upgrade must keep.

use crate::world::*;
use deployment_client::SERVICE;
use serde_json::{Value, json};

async fn journal(world: &World<'_>, id: &str) -> Vec<String> {
    let sql = format!(
        "SELECT entry_type, name FROM sys_journal WHERE id = '{id}' AND entry_type LIKE 'Command:%' ORDER BY index"
    );
    let rows = world.restate.admin().query(&sql).await.expect("journal");
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

async fn sent(world: &World<'_>, handler: &str, body: Value) -> Vec<String> {
    let ingress = world.restate.ingress();
    let id = ingress
        .send(SERVICE, &*world.d1, handler, &body, None)
        .await
        .expect("sent");
    ingress.attach(&id).await.expect("succeeds");
    journal(world, &id).await
}

#[test]
fn the_steps_of_every_handler() {
    testbed::run(async {
        let world = World::new().await;
        let schedule = json!({"state": STANDBY});
        assert_eq!(
            sent(&world, "ScheduleDesiredStateChange", schedule).await,
            ["Input", "Run clock", "SetState", "OneWayCall", "Output"]
        );
        let change = world.ended(1).await[0]["id"]
            .as_str()
            .expect("id")
            .to_owned();
        assert_eq!(
            journal(&world, &change).await,
            [
                "Input",
                "GetEagerState",
                "Run apply",
                "ClearState",
                "Output"
            ]
        );
        let wake = json!({"state": RUNNING});
        assert_eq!(
            sent(&world, "ScheduleDesiredStateChange", wake).await,
            ["Input", "Run apply", "ClearState", "Output"]
        );
        assert_eq!(
            sent(&world, "ClearScheduledStateChanges", json!({})).await,
            ["Input", "ClearState", "Output"]
        );
    });
}
