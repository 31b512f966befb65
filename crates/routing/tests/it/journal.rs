//! What each handler journals: names and order are what an upgrade must keep.

use crate::world::*;
use routing_client::SERVICE;
use serde_json::{Value, json};

async fn journal(world: &World<'_>, handler: &str, body: Value) -> Vec<String> {
    let ingress = world.restate.ingress();
    let id = ingress
        .send(SERVICE, &*world.app.project_id, handler, &body, None)
        .await
        .expect("sent");
    ingress.attach(&id).await.expect("succeeds");
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

#[test]
fn every_handler_is_one_step() {
    testbed::run(async {
        let world = World::new().await;
        let next = world.deployment("production", "finalizing").await;
        for (handler, step, body) in [
            (
                "AssignFrontlineRoutes",
                "assign",
                json!({"deploymentId": world.d2, "frontlineRouteIds": [world.f_env]}),
            ),
            (
                "SwapLiveDeployment",
                "swap",
                json!({"deploymentId": world.d2, "allStickyRoutes": true}),
            ),
            (
                "UpsertRoutes",
                "upsert",
                json!({
                    "deploymentId": next, "projectId": world.app.project_id, "appId": world.app.app_id,
                    "environmentId": world.app.production_environment_id, "routes": [],
                }),
            ),
            ("FinishDeployment", "finish", json!({"deploymentId": next})),
            ("WithdrawRoutes", "withdraw", json!({"deploymentId": next})),
        ] {
            assert_eq!(
                journal(&world, handler, body).await,
                [
                    "Input".to_owned(),
                    format!("Run {step}"),
                    "Output".to_owned()
                ],
                "{handler}"
            );
        }
    });
}
