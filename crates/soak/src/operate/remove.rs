//! Deletes a preview environment and makes another one with the same slug once it is gone, as a customer would.
//!
//! Not for what must be gone then: see `settle`.

use intent::{AppRows, Runtime};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{ANSWER_WITHIN, send, texts};
use crate::book::Outcome;
use crate::world::Stage;
use std::time::Duration;

const ENVIRONMENT: &str = "hydra.v1.EnvironmentService";
const PREVIEW: &str = "SELECT id AS t FROM environments WHERE app_id = ? AND slug = 'preview'";

/// Whoever deletes the same one at the same time makes the new one; only one of them can.
pub(super) async fn preview(stage: &Stage, app: &AppRows) -> Outcome {
    let now = |stage| texts(stage, PREVIEW, &app.app_id);
    let environment = match now(stage).await.map(|ids| ids.into_iter().next()) {
        Ok(Some(id)) => id,
        Ok(None) => return Outcome::Lost("its preview environment is being made anew".to_owned()),
        Err(e) => return Outcome::Lost(e.to_string()),
    };
    if let Err(e) = send(stage, ENVIRONMENT, &environment, "Delete", &json!({})).await {
        return Outcome::Lost(e.to_string());
    }
    let until = Instant::now() + 2 * ANSWER_WITHIN;
    while !now(stage)
        .await
        .is_ok_and(|ids| !ids.contains(&environment))
    {
        if Instant::now() > until {
            return Outcome::Lost(format!("{environment} is not gone yet"));
        }
        sleep(Duration::from_millis(100)).await;
    }
    let until = Instant::now() + ANSWER_WITHIN;
    let runtime = Runtime::default();
    loop {
        let made = intent::create_environment(&stage.db, app, "preview", &runtime).await;
        match (made, now(stage).await) {
            (Ok(_), _) => return Outcome::Done,
            (Err(_), Ok(ids)) if !ids.is_empty() => return Outcome::Done,
            (Err(e), _) if Instant::now() > until => return Outcome::Lost(e.to_string()),
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}
