//! DeploymentService: scheduling a change, carrying it out, dropping it.

use futures::FutureExt as _;
use mysql::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::{Value, json};
use std::time::Duration;

use super::traffic::standby;
use super::{BASE, is, is_live, is_scheduled};
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
            name: "change-races-promotion",
            handler: "ChangeDesiredState",
            fails_with: Some(409),
            // somebody else moves these while the change waits for its turn
            may_change: &["app", "routes", "state"],
            prepare: |lane| races(lane).boxed(),
            holds: |lane, scene| is_live(lane, scene, "<older>", false).boxed(),
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

/// While the change is due, somebody holds the app row and makes the deployment live: the change must wait and refuse.
async fn races(lane: &Lane) -> Scene {
    let scene = due(lane).await;
    let tx = lane.db.begin().await.expect("a transaction");
    let (app, older) = (scene.app.app_id.clone(), scene.id("<older>").to_owned());
    let moves = [
        "UPDATE apps SET current_deployment_id = ? WHERE id = ?",
        "UPDATE frontline_routes SET deployment_id = ? WHERE app_id = ? AND sticky = 'live'",
    ];
    for sql in moves {
        let values = [older.as_str().into(), app.as_str().into()];
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
        tx.execute_raw(statement).await.expect("written");
    }
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        tx.commit().await.expect("committed");
    });
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
