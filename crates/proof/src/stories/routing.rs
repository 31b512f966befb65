//! RoutingService, each handler on its own. Deploy, promote and rollback strike the same handlers again from above.

use futures::FutureExt as _;
use intent::NewDeployment;
use serde_json::{Value, json};

use super::{BASE, expect, is, is_live};
use crate::lane::ROUTING;
use crate::scene::Request;
use crate::{Lane, Scene, Story};

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: ROUTING,
        ..BASE
    };
    vec![
        Story {
            name: "assign-routes",
            handler: "AssignFrontlineRoutes",
            prepare: |lane| assign(lane).boxed(),
            holds: |lane, scene| leads(lane, scene, "branch", "<older>", 1).boxed(),
            ..base
        },
        Story {
            name: "swap-live",
            handler: "SwapLiveDeployment",
            prepare: |lane| swap(lane).boxed(),
            holds: |lane, scene| is_live(lane, scene, "<older>", false).boxed(),
            ..base
        },
        Story {
            name: "upsert-routes",
            handler: "UpsertRoutes",
            prepare: |lane| upsert(lane, "network").boxed(),
            holds: |lane, scene| leads(lane, scene, "deployment", "<subject>", 1).boxed(),
            ..base
        },
        Story {
            name: "finish-deployment",
            handler: "FinishDeployment",
            prepare: |lane| finish(lane).boxed(),
            holds: |lane, scene| finished(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "withdraw-routes",
            handler: "WithdrawRoutes",
            prepare: |lane| withdraw(lane).boxed(),
            holds: |lane, scene| leads(lane, scene, "deployment", "<subject>", 0).boxed(),
            ..base
        },
    ]
}

async fn two(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    lane.deployed(&mut scene, "<older>").await;
    lane.deployed(&mut scene, "<live>").await;
    scene
}

fn request(scene: &Scene, handler: &'static str, body: Value) -> Request {
    Request {
        service: ROUTING,
        key: scene.app.project_id.clone(),
        handler,
        body,
    }
}

/// Ids of the app's routes of this kind.
async fn routes(lane: &Lane, scene: &Scene, sticky: &str) -> Vec<String> {
    let sql = "SELECT id AS t FROM frontline_routes WHERE app_id = ? AND sticky = ?";
    lane.texts(sql, &[&scene.app.app_id, sticky]).await
}

async fn assign(lane: &Lane) -> Scene {
    let mut scene = two(lane).await;
    let ids = routes(lane, &scene, "branch").await;
    let body = json!({ "deploymentId": scene.id("<older>"), "frontlineRouteIds": ids });
    scene.request = request(&scene, "AssignFrontlineRoutes", body);
    scene
}

async fn swap(lane: &Lane) -> Scene {
    let mut scene = two(lane).await;
    let body = json!({
        "deploymentId": scene.id("<older>"),
        "expectedCurrentDeploymentId": scene.id("<live>"),
        "allStickyRoutes": true,
    });
    scene.request = request(&scene, "SwapLiveDeployment", body);
    scene
}

/// A production deployment in the middle, and the request for its routes.
async fn upsert(lane: &Lane, status: &'static str) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    lane.deployed(&mut scene, "<live>").await;
    let new = NewDeployment::production(&scene.app.app_id)
        .status(status)
        .image("nginx:1");
    let id = lane.row(&mut scene, "<subject>", new).await;
    let slug = id.replace('_', "-").to_ascii_lowercase();
    let spec = |name: &str, sticky: &str| {
        json!({
            "fullyQualifiedDomainName": format!("{name}.proof.test"),
            "sticky": format!("ROUTE_STICKY_{sticky}"),
        })
    };
    let body = json!({
        "deploymentId": id,
        "projectId": scene.app.project_id,
        "appId": scene.app.app_id,
        "environmentId": scene.app.production_environment_id,
        "routes": [spec(&slug, "DEPLOYMENT"), spec(&format!("branch-{slug}"), "BRANCH")],
    });
    scene.request = request(&scene, "UpsertRoutes", body);
    scene
}

async fn finish(lane: &Lane) -> Scene {
    let mut scene = upsert(lane, "finalizing").await;
    let upserted = lane.call(&scene.request).await;
    // the driver hands the answer on as it came
    let ids: Vec<&Value> = upserted["routes"]
        .as_array()
        .map(|all| all.iter().map(|r| &r["frontlineRouteId"]).collect())
        .unwrap_or_default();
    assert_eq!(ids.len(), 2, "{upserted}");
    let body = json!({ "deploymentId": scene.id("<subject>"), "frontlineRouteIds": ids });
    scene.request = request(&scene, "FinishDeployment", body);
    scene
}

async fn withdraw(lane: &Lane) -> Scene {
    let mut scene = upsert(lane, "failed").await;
    lane.call(&scene.request).await;
    let body = json!({ "deploymentId": scene.id("<subject>") });
    scene.request = request(&scene, "WithdrawRoutes", body);
    scene
}

async fn finished(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is_live(lane, scene, "<subject>", false).await?
        + is(lane, scene, "<subject>", "ready running").await?)
}

/// Whether so many routes of this kind lead to the deployment.
async fn leads(
    lane: &Lane,
    scene: &Scene,
    sticky: &str,
    role: &str,
    count: usize,
) -> Result<usize, String> {
    let sql = "SELECT id AS t FROM frontline_routes WHERE app_id = ? AND sticky = ? AND deployment_id = ?";
    let found = lane
        .texts(sql, &[&scene.app.app_id, sticky, scene.id(role)])
        .await;
    expect(
        vec![found.len()],
        &[count],
        &format!("{sticky} routes to {role}"),
    )
}
