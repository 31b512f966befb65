//! `Deploy`: over a live deployment, of a preview, and the ways it fails by itself; `NotifyInstancesReady` beside it.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use intent::NewDeployment;
use serde_json::json;
use std::time::Duration;

use super::{BASE, is, is_live, is_scheduled};
use crate::build_side::{INSTALLATION, REPOSITORY, REPOSITORY_ID};
use crate::lane::{DEPLOY, deploy, patience};
use crate::scene::Request;
use crate::{Lane, Scene, Story, Undo};

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: DEPLOY,
        handler: "Deploy",
        undo: Undo::Failed,
        // the app has a repository: GitHub is told, and nobody waits for that
        one_way: super::git::ONE_WAY,
        dispensable: super::github::UNTOLD,
        ..BASE
    };
    vec![
        Story {
            name: "deploy",
            prepare: |lane| over_a_live_one(lane, true).boxed(),
            holds: |lane, scene| went_live(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "deploy-never-healthy",
            fails_with: Some(504),
            prepare: |lane| over_a_live_one(lane, false).boxed(),
            holds: |lane, scene| failed(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "deploy-preview",
            prepare: preview,
            holds: |lane, scene| is(lane, scene, "<subject>", "ready running").boxed(),
            ..base
        },
        Story {
            name: "deploy-over-quota",
            fails_with: Some(400),
            prepare: over_quota,
            holds: |lane, scene| failed(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "deploy-older-than-live",
            prepare: |lane| older_than_live(lane).boxed(),
            holds: |lane, scene| fenced(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "notify-ready",
            handler: "NotifyInstancesReady",
            undo: Undo::Before,
            // the wait that is woken goes on and ends the deployment whatever becomes of the hint
            may_change: &["app", "deployments", "routes", "runs", "waits", "state"],
            own_commands_only: true,
            prepare: waiting,
            holds: |lane, scene| is(lane, scene, "<subject>", "ready running").boxed(),
            ..base
        },
    ]
}

/// A second production deployment; the one before is live.
async fn over_a_live_one(lane: &Lane, healthy: bool) -> Scene {
    let mut scene = lane.scene(if healthy { 2 } else { 1 }, |f| f).await;
    intent::connect_repository(
        &lane.db,
        &scene.app,
        INSTALLATION,
        REPOSITORY_ID,
        REPOSITORY,
    )
    .await
    .expect("connected");
    lane.deployed(&mut scene, "<live>").await;
    let new = NewDeployment::production(&scene.app.app_id);
    let id = lane.row(&mut scene, "<subject>", new).await;
    scene.request = deploy(&scene.app.workspace_id, &id);
    if healthy {
        scene.late = Some(id);
    } else {
        scene.hold_instances(&id);
    }
    scene
}

/// The row is older than the deployment that went live meanwhile.
async fn older_than_live(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    let new = NewDeployment::production(&scene.app.app_id);
    let id = lane.row(&mut scene, "<subject>", new).await;
    lane.deployed(&mut scene, "<live>").await;
    scene.request = deploy(&scene.app.workspace_id, &id);
    scene.late = Some(id);
    scene
}

fn preview(lane: &Lane) -> BoxFuture<'_, Scene> {
    async move {
        let mut scene = lane.scene(1, |f| f).await;
        let new = NewDeployment::preview(&scene.app.app_id);
        let id = lane.row(&mut scene, "<subject>", new).await;
        scene.request = deploy(&scene.app.workspace_id, &id);
        scene.late = Some(id);
        scene
    }
    .boxed()
}

fn over_quota(lane: &Lane) -> BoxFuture<'_, Scene> {
    async move {
        let scene = over_a_live_one(lane, true).await;
        super::fill_quota(lane, &scene).await;
        scene
    }
    .boxed()
}

/// A deployment that waits for its instances; the request is the hint that they are there.
fn waiting(lane: &Lane) -> BoxFuture<'_, Scene> {
    async move {
        let mut scene = lane.scene(1, |f| f).await;
        let new = NewDeployment::production(&scene.app.app_id);
        let id = lane.row(&mut scene, "<subject>", new).await;
        scene.hold_instances(&id);
        let invocation = lane
            .send(&deploy(&scene.app.workspace_id, &id))
            .await
            .expect("Restate takes the call");
        testbed::eventually(patience(), || async {
            let sql = "SELECT awakeable_id AS t FROM ctrl_worker_waits WHERE deployment_id = ?";
            lane.texts(sql, &[&id]).await.len() == 1
        })
        .await;
        // the messages it sent before it waits
        tokio::time::sleep(Duration::from_millis(50)).await;
        scene.beside = Some(invocation);
        scene.request = Request {
            service: DEPLOY,
            key: scene.app.workspace_id.clone(),
            handler: "NotifyInstancesReady",
            body: json!({ "deploymentId": id }),
        };
        scene
    }
    .boxed()
}

async fn went_live(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is_live(lane, scene, "<subject>", false).await?
        + is(lane, scene, "<subject>", "ready running").await?
        + is_scheduled(lane, scene, "<live>", true).await?)
}

async fn failed(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is_live(lane, scene, "<live>", false).await?
        + is(lane, scene, "<subject>", "failed running").await?
        + is_scheduled(lane, scene, "<live>", false).await?)
}

/// The newer one stays live, and keeps every route that follows.
async fn fenced(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let sql = "SELECT fully_qualified_domain_name AS t FROM frontline_routes
               WHERE deployment_id = ? AND sticky IN ('live', 'environment', 'branch')";
    let taken = lane.texts(sql, &[scene.id("<subject>")]).await;
    Ok(is_live(lane, scene, "<live>", false).await?
        + is(lane, scene, "<subject>", "ready running").await?
        + super::expect(taken, &[], "routes the older one took")?)
}
