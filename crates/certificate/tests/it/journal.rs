//! What the handlers journal: names and order are what an upgrade must keep. And that no private key is in it.

use crate::world::*;
use serde_json::{Value, json};

async fn steps(world: &World, id: &str) -> Vec<String> {
    let sql = format!(
        "SELECT name FROM sys_journal WHERE id = '{id}' AND entry_type = 'Command: Run' ORDER BY index"
    );
    let rows = world
        .restate()
        .admin()
        .query(&sql)
        .await
        .expect("the journal");
    let name = |row: &Value| row["name"].as_str().unwrap_or_default().to_owned();
    rows.iter().map(name).collect()
}

#[test]
fn an_issuance_is_these_steps() {
    testbed::run(async {
        let world = World::shared().await;
        let domain = world.domain(&host()).await;
        let id = world.send(&domain).await;
        let ingress = world.restate().ingress().with_timeout(Some(SOON));
        let answer = ingress.attach(&id).await.expect("an answer");
        assert_eq!(answer["status"], "success");
        let mut found = steps(world, &id).await;
        // how often the order is looked at is the authority's affair
        found.retain(|step| step != "look at order");
        let wanted = [
            "clock",
            "resolve domain",
            "claim challenge",
            "preflight",
            "account",
            "new order",
            "publish challenge",
            "set ready",
            "make key",
            "finalize",
            "store certificate",
        ];
        assert_eq!(found, wanted);
        let sql = format!("SELECT entry_json, raw FROM sys_journal WHERE id = '{id}'");
        let rows = world
            .restate()
            .admin()
            .query(&sql)
            .await
            .expect("the journal");
        let text = json!(rows).to_string();
        assert!(!text.contains("PRIVATE KEY"));
        // base64 and hexadecimal of `PRIVATE KEY`
        assert!(!text.contains("UFJJVkFURSBLRVk") && !text.contains("50524956415445204b4559"));
    });
}

#[test]
fn a_sweep_is_these_steps() {
    testbed::run(async {
        let world = World::own(|deps| deps.acme = None).await;
        let ingress = world.restate().ingress().with_timeout(Some(SOON));
        let body = json!({ "daysBeforeExpiry": 7 });
        let service = certificate_client::SERVICE;
        let id = ingress
            .send(service, "global", "RenewExpiringCertificates", &body, None)
            .await;
        let id = id.expect("taken");
        ingress.attach(&id).await.expect("an answer");
        let wanted = [
            "clock",
            "adopt challenges",
            "drop gone domains",
            "widen",
            "clock",
            "list due",
            "send heartbeat",
        ];
        assert_eq!(steps(&world, &id).await, wanted);
    });
}
