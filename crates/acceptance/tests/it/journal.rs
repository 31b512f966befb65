//! What DeployService's handlers journal: names and order are what an upgrade must keep, so a change here is a change
//! somebody has to want.

use crate::world::World;
use edge_sim::Behaviour;
use intent::NewDeployment;
use serde_json::{Value, json};
use std::time::Duration;

/// Commands of a finished invocation, in order: type and name.
async fn commands(w: &World, invocation: &str) -> Vec<String> {
    w.bound.ingress.attach(invocation).await.expect("succeeds");
    let sql = format!(
        "SELECT entry_type, name FROM sys_journal WHERE id = {} AND entry_type LIKE 'Command:%' ORDER BY index",
        restate_api::quoted(invocation)
    );
    let rows = w.bound.admin.query(&sql).await.expect("journal");
    let word = |row: &Value, column: &str| row[column].as_str().unwrap_or_default().to_owned();
    rows.iter()
        .map(|row| {
            format!(
                "{} {}",
                word(row, "entry_type").replace("Command: ", ""),
                word(row, "name")
            )
            .trim()
            .to_owned()
        })
        .collect()
}

async fn send(w: &World, handler: &str, body: &Value) -> String {
    w.bound
        .ingress
        .send("hydra.v1.DeployService", w.key(), handler, body, None)
        .await
        .expect("send")
}

#[test]
fn the_journals_of_deploy_promote_rollback_wake_and_notify_are_as_released() {
    testbed::run(async {
        let w = World::new(2).await;
        // Slow enough that every deployment waits once.
        (0..2).for_each(|r| w.behave(r, Behaviour::ready_after(Duration::from_millis(1_000))));
        let first = w.deploy_production().await;
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        let invocation = w.send(&id, "nginx:1").await;
        let deploy = commands(&w, &invocation).await;
        assert_eq!(
            deploy,
            [
                "Input",
                "Run claim",
                "Run resolve image",
                "Run provision",
                "Run await instances",
                "Sleep",
                "Run check instances",
                "Call",
                "Run begin finalizing",
                "Call",
                "OneWayCall",
                "OneWayCall",
                "Output"
            ],
            "the first one-way call is the standby of the one before, the second the scrape"
        );

        let promote = send(&w, "Promote", &json!({ "targetDeploymentId": first })).await;
        assert_eq!(
            commands(&w, &promote).await,
            [
                "Input",
                "Run load target",
                "Call",
                "Call",
                "OneWayCall",
                "Output"
            ]
        );
        let rollback = send(
            &w,
            "Rollback",
            &json!({ "sourceDeploymentId": first, "targetDeploymentId": id }),
        )
        .await;
        assert_eq!(
            commands(&w, &rollback).await,
            ["Input", "Run load target", "Call", "Call", "Output"]
        );
        let wake = send(&w, "WakeDeployment", &json!({ "deploymentId": first })).await;
        assert_eq!(
            commands(&w, &wake).await,
            ["Input", "Run load target", "Call", "Output"]
        );
        let notify = send(
            &w,
            "NotifyInstancesReady",
            &json!({ "deploymentId": first }),
        )
        .await;
        assert_eq!(
            commands(&w, &notify).await,
            ["Input", "Run find waiters", "Output"]
        );
        w.end(&[&first, &id]).await;
    });
}
