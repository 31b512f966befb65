//! What each handler journals: names and order are what an upgrade must keep.

use crate::world::*;
use scheduler::Job;
use serde_json::{Value, json};
use time::macros::datetime;

impl World {
    /// The commands of an invocation.
    async fn journal(&self, id: &str) -> Vec<String> {
        let sql = format!(
            "SELECT entry_type, name FROM sys_journal WHERE id = '{id}' AND entry_type LIKE 'Command:%' ORDER BY index"
        );
        let rows = self.restate.admin().query(&sql).await.expect("journal");
        let entry = |row: &Value| {
            let text = |column: &str| {
                row[column]
                    .as_str()
                    .unwrap_or_default()
                    .replace("Command: ", "")
            };
            format!("{} {}", text("entry_type"), text("name"))
                .trim()
                .to_owned()
        };
        rows.iter().map(entry).collect()
    }

    /// The commands of a handler's newest invocation.
    async fn newest(&self, job: Job, handler: &str) -> Vec<String> {
        let all = self.invocations(job, handler).await;
        let ended = all
            .iter()
            .rev()
            .find(|i| i["status"] == "completed")
            .expect(handler);
        self.journal(ended["id"].as_str().expect("an id")).await
    }
}

#[test]
fn the_steps_of_every_handler() {
    testbed::run(async {
        let world = World::new("journal", clock(datetime!(2026-03-01 23:59:56 UTC), 1)).await;
        let job = Job::KeyRefill;
        let service = scheduler_client::SERVICE;
        // invocations are kept with their journal only when they were sent
        let send = async |handler: &str, body: Value| {
            let id = world
                .ingress()
                .send(service, job.name(), handler, &body, None)
                .await
                .expect("sent");
            world.ingress().attach(&id).await.expect("ends");
            world.journal(&id).await
        };
        let armed = send("Arm", json!({ "enabled": true })).await;
        let first = [
            "Input",
            "Run clock",
            "GetEagerState",
            "Run remember",
            "OneWayCall",
            "SetState",
            "Run row",
            "Output",
        ];
        assert_eq!(armed, first);
        let again = send("Arm", json!({ "enabled": true })).await;
        assert_eq!(
            again,
            [
                "Input",
                "Run clock",
                "GetEagerState",
                "SetState",
                "Run row",
                "Output"
            ]
        );
        world.ended(job, "2026-03-02").await;
        world.quiet().await;
        assert_eq!(
            world.newest(job, "Tick").await,
            [
                "Input",
                "GetEagerState",
                "Run clock",
                "OneWayCall",
                "OneWayCall",
                "SetState",
                "Run row",
                "Output"
            ]
        );
        assert_eq!(
            world.newest(job, "Execute").await,
            ["Input", "Call", "Call", "Output"]
        );
        assert_eq!(
            world.newest(job, "Record").await,
            [
                "Input",
                "Run clock",
                "GetEagerState",
                "OneWayCall",
                "SetState",
                "Run row",
                "Output"
            ]
        );
        assert_eq!(
            send("Run", json!({})).await,
            [
                "Input",
                "Run clock",
                "GetEagerState",
                "OneWayCall",
                "SetState",
                "Run row",
                "OneWayCall",
                "Output"
            ]
        );
        world.quiet().await;
        assert_eq!(
            send("Pause", json!({})).await,
            [
                "Input",
                "Run clock",
                "GetEagerState",
                "SetState",
                "Run row",
                "Output"
            ]
        );
        assert_eq!(
            send("Resume", json!({})).await,
            [
                "Input",
                "Run clock",
                "GetEagerState",
                "OneWayCall",
                "SetState",
                "Run row",
                "Output"
            ]
        );
        assert_eq!(
            send("Status", json!({})).await,
            ["Input", "GetEagerState", "Output"]
        );
    });
}
