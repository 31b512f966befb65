//! DeploymentService: scheduling a change, carrying it out, dropping it.

use futures::FutureExt as _;
use serde_json::{Value, json};

use super::traffic::standby;
use super::{BASE, is, is_scheduled};
use crate::lane::DEPLOYMENT;
use crate::scene::Request;
use crate::{Lane, Scene, Story};

const HOUR_MS: i64 = 3_600_000;

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: DEPLOYMENT,
        ..BASE
    };
    vec![
        Story {
            name: "schedule-now",
            handler: "ScheduleDesiredStateChange",
            // the change it sent is another invocation: it may end on its own
            may_change: &["state"],
            prepare: |lane| scheduled(lane, 0).boxed(),
            holds: |lane, scene| is(lane, scene, "<older>", "asleep standby").boxed(),
            ..base
        },
        Story {
            name: "schedule-later",
            handler: "ScheduleDesiredStateChange",
            prepare: |lane| scheduled(lane, HOUR_MS).boxed(),
            holds: |lane, scene| is_scheduled(lane, scene, "<older>", true).boxed(),
            ..base
        },
        Story {
            name: "change",
            handler: "ChangeDesiredState",
            // a change that fails for good gives up its place
            may_change: &["state"],
            prepare: |lane| due(lane).boxed(),
            holds: |lane, scene| is(lane, scene, "<older>", "asleep standby").boxed(),
            ..base
        },
        Story {
            name: "clear",
            handler: "ClearScheduledStateChanges",
            prepare: |lane| clear(lane).boxed(),
            holds: |lane, scene| is_scheduled(lane, scene, "<older>", false).boxed(),
            ..base
        },
    ]
}

/// Two production deployments; the older one is to go to standby.
async fn scheduled(lane: &Lane, delay: i64) -> Scene {
    let mut scene = lane.scene(2, |f| f).await;
    let older = lane.deployed(&mut scene, "<older>").await;
    lane.deployed(&mut scene, "<live>").await;
    lane.call(&request(&older, "ClearScheduledStateChanges", json!({})))
        .await;
    scene.request = standby(&older, delay);
    scene
}

/// The scheduled change arrives; the nonce is the one that is stored.
async fn due(lane: &Lane) -> Scene {
    let mut scene = scheduled(lane, HOUR_MS).await;
    lane.call(&scene.request).await;
    let older = scene.id("<older>").to_owned();
    let sql = format!(
        "SELECT value_utf8 FROM state WHERE service_name = '{DEPLOYMENT}' AND service_key = {}",
        restate_api::quoted(&older)
    );
    let rows = lane.admin().query(&sql).await.expect("Restate answers");
    let stored: Value =
        serde_json::from_str(rows[0]["value_utf8"].as_str().expect("a text")).expect("JSON");
    let body = json!({ "nonce": stored["Nonce"], "state": "DEPLOYMENT_DESIRED_STATE_STANDBY" });
    scene.request = request(&older, "ChangeDesiredState", body);
    scene
}

async fn clear(lane: &Lane) -> Scene {
    let mut scene = scheduled(lane, HOUR_MS).await;
    lane.call(&scene.request).await;
    scene.request = request(scene.id("<older>"), "ClearScheduledStateChanges", json!({}));
    scene
}

fn request(key: &str, handler: &'static str, body: Value) -> Request {
    Request {
        service: DEPLOYMENT,
        key: key.to_owned(),
        handler,
        body,
    }
}
