//! VersioningService.

use futures::FutureExt as _;
use serde_json::json;

use super::{BASE, expect};
use crate::lane::VERSIONING;
use crate::scene::Request;
use crate::{Lane, Scene, Story};

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: VERSIONING,
        ..BASE
    };
    vec![
        Story {
            name: "next-version",
            handler: "NextVersion",
            prepare: |lane| version(lane, "NextVersion").boxed(),
            holds: |lane, scene| drawn(lane, scene, 2).boxed(),
            ..base
        },
        Story {
            name: "get-version",
            handler: "GetVersion",
            prepare: |lane| version(lane, "GetVersion").boxed(),
            holds: |lane, scene| drawn(lane, scene, 1).boxed(),
            ..base
        },
    ]
}

/// A region of which one version was drawn.
async fn version(lane: &Lane, handler: &'static str) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    scene.request = Request {
        service: VERSIONING,
        key: scene.app.regions[0].id.clone(),
        handler: "NextVersion",
        body: json!({}),
    };
    lane.call(&scene.request).await;
    scene.request.handler = handler;
    scene
}

async fn drawn(lane: &Lane, scene: &Scene, count: u64) -> Result<usize, String> {
    let sql = "SELECT CAST(v AS CHAR) AS t FROM ctrl_worker_region_counters WHERE region_id = ?";
    let found = lane.texts(sql, &[&scene.app.regions[0].id]).await;
    expect(found, &[count.to_string()], "the counter")
}
