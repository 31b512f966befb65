//! What the existing worker leaves in Restate: files in `tests/takeover`, put in as they are.
//!
//! Not for what becomes of it: see `rehearsal`.

use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::existing::{DRIVER, Wire};
use super::rehearsal::World;

/// One file: an object, or several alike.
#[derive(Debug, Deserialize)]
pub(crate) struct Object {
    service: String,
    keys: Vec<String>,
    /// Values as texts, so that each byte is as the existing worker writes it.
    state: std::collections::BTreeMap<String, String>,
    in_flight: Option<InFlight>,
}

/// A delayed message to the object.
#[derive(Debug, Deserialize)]
struct InFlight {
    handler: String,
    body: String,
    delay_ms: u64,
}

impl Object {
    /// Reads a file, with names like `<standby>` replaced.
    pub(crate) fn read(name: &str, world: &World) -> Self {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/takeover");
        let path = dir.join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let text = world.named(&text);
        assert!(!text.contains('<'), "a name is missing: {text}");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Puts the state in through the admin API, and sends what is in flight.
    pub(crate) async fn put(&self, world: &World) {
        for key in &self.keys {
            let state: serde_json::Map<_, _> = self
                .state
                .iter()
                .map(|(name, text)| (name.clone(), json!(text.as_bytes())))
                .collect();
            let body = json!({ "object_key": key, "new_state": state });
            let url = format!(
                "{}/services/{}/state",
                world.restate.admin_url, self.service
            );
            let answer = reqwest::Client::new().post(url).json(&body).send().await;
            let answer = answer.expect("the admin API answers");
            assert_eq!(answer.status().as_u16(), 202, "{}", self.service);
            testbed::eventually(super::rehearsal::SOON, || async {
                world.state(&self.service, key).await.len() == self.state.len()
            })
            .await;
            if let Some(message) = &self.in_flight {
                let wire = Wire {
                    service: self.service.clone(),
                    key: key.clone(),
                    handler: message.handler.clone(),
                    body: message.body.clone(),
                    delay_ms: Some(message.delay_ms),
                };
                let passed = world.restate.ingress();
                let passed = passed.call(DRIVER, None, "Pass", &wire).await;
                passed.expect("sent");
            }
        }
    }
}
