//! BuildService and BuildSlotService: an image, the project it is built in, an end nobody told, and whose turn it is.

use std::time::Duration;

use build_testbed::{Ending, Finish, Progress};
use futures::FutureExt as _;
use intent::NewDeployment;
use serde_json::{Value, json};

use super::{BASE, expect};
use crate::build_side::{INSTALLATION, REPOSITORY, SHA};
use crate::driver::{AWAKEABLE, INVOCATION};
use crate::effects::{DEPOT_CREATE_BUILD, DEPOT_FINISH_BUILD};
use crate::lane::patience;
use crate::scene::Request;
use crate::{Keyless, Lane, Scene, Sections, Story};

const BUILD: &str = build_client::SERVICE;
const SLOTS: &str = build_slot_client::SERVICE;

/// What a build does at Depot, by its steps.
pub(super) const AT_DEPOT: &[(Keyless, &str)] = &[
    (DEPOT_CREATE_BUILD, "begin build"),
    (DEPOT_FINISH_BUILD, "finish build"),
];
/// The sweep ends what a handler could not, and then knows only that nobody wants the build.
pub(super) const UNFINISHED: (&str, &[&str]) = ("finish build", &["builds", "told"]);

pub(super) fn stories() -> Vec<Story> {
    let build = Story {
        service: BUILD,
        keyless: AT_DEPOT,
        sections: |lane, scene| depot_project(lane, scene).boxed(),
        // a build that was begun stays known with its end, and so does the project it was in
        may_change: &["builds", "depot project"],
        dispensable: &[UNFINISHED],
        ..BASE
    };
    let slots = Story {
        service: SLOTS,
        ..BASE
    };
    vec![
        Story {
            name: "build",
            handler: "Build",
            prepare: |lane| to_build(lane, Ending::Success).boxed(),
            holds: |lane, scene| built(lane, scene, "success").boxed(),
            ..build
        },
        Story {
            name: "build-fails",
            handler: "Build",
            prepare: |lane| to_build(lane, failure()).boxed(),
            holds: |lane, scene| built(lane, scene, "failed").boxed(),
            ..build
        },
        Story {
            name: "resolve-build-project",
            handler: "ResolveProject",
            prepare: |lane| first_build(lane).boxed(),
            holds: |lane, scene| has_project(lane, scene).boxed(),
            ..build
        },
        Story {
            name: "close-build",
            handler: "Close",
            prepare: |lane| left_open(lane).boxed(),
            holds: |lane, scene| closed(lane, scene).boxed(),
            ..build
        },
        Story {
            name: "acquire-slot",
            handler: "AcquireOrWait",
            // a place that was given is taken back by the audit
            may_change: &["slots"],
            prepare: |lane| asks(lane).boxed(),
            holds: |lane, scene| holds_slot(lane, scene, &["<subject>"]).boxed(),
            ..slots
        },
        Story {
            name: "release-slot",
            handler: "Release",
            prepare: |lane| gives_back(lane).boxed(),
            holds: |lane, scene| holds_slot(lane, scene, &[]).boxed(),
            ..slots
        },
        Story {
            name: "audit-slots",
            handler: "Audit",
            prepare: |lane| lost(lane).boxed(),
            holds: |lane, scene| holds_slot(lane, scene, &[]).boxed(),
            ..slots
        },
    ]
}

/// A reason in the customer's code, in BuildKit's words.
pub(super) fn failure() -> Ending {
    let words =
        "failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory";
    Ending::Failure(words.to_owned())
}

/// A deployment that is being built, whose own invocation is none of this story.
async fn building(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    let new = NewDeployment::preview(&scene.app.app_id).status("building");
    let id = lane.row(&mut scene, "<subject>", new).await;
    // nobody is missed by the reconciler
    let sql = "INSERT INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at, ended_at, end_reason) VALUES (?, '', 1, 1, 'none')";
    lane.execute(sql, &[&id]).await;
    scene
}

fn request(service: &'static str, key: &str, handler: &'static str, body: Value) -> Request {
    Request {
        service,
        key: key.to_owned(),
        handler,
        body,
    }
}

async fn to_build(lane: &Lane, ending: Ending) -> Scene {
    let mut scene = building(lane).await;
    let id = scene.id("<subject>").to_owned();
    lane.outside.builds.script(&id, ending, false);
    scene.request = request(BUILD, &id, "Build", order(&id));
    scene
}

fn order(id: &str) -> Value {
    json!({
        "deploymentId": id, "installationId": INSTALLATION.to_string(), "repository": REPOSITORY, "commitSha": SHA,
    })
}

async fn first_build(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    let project = scene.app.project_id.clone();
    scene.request = request(BUILD, &project, "ResolveProject", json!({}));
    scene
}

/// A build whose invocation was killed while Depot worked on it: nobody is left to end it.
async fn left_open(lane: &Lane) -> Scene {
    let mut scene = building(lane).await;
    let id = scene.id("<subject>").to_owned();
    lane.outside.builds.script(&id, Ending::Success, true);
    let sent = lane.send(&request(BUILD, &id, "Build", order(&id))).await;
    sent.expect("Restate takes the call");
    let kit = lane.outside.builds.depot.buildkit();
    testbed::eventually(patience(), || async {
        let solves = kit.solves_of(&id);
        let running = solves.iter().any(|s| s.progress == Progress::Running);
        running.then_some(()).ok_or("no solve")
    })
    .await;
    let sql = format!(
        "SELECT id FROM sys_invocation WHERE target_service_name = '{BUILD}' AND target_service_key = {} AND status <> 'completed'",
        restate_api::quoted(&id)
    );
    let found = lane.admin().query(&sql).await.expect("Restate answers");
    let invocation = found[0]["id"].as_str().expect("an id");
    lane.admin().kill(invocation).await.expect("killed");
    testbed::eventually(patience(), || async {
        let solves = kit.solves_of(&id);
        let running = solves.iter().any(|s| s.progress == Progress::Running);
        (!running).then_some(()).ok_or("it still builds")
    })
    .await;
    scene.request = request(BUILD, &id, "Close", json!({}));
    scene
}

async fn deployment(lane: &Lane) -> (Scene, String) {
    let mut scene = lane.scene(1, |f| f).await;
    let new = NewDeployment::preview(&scene.app.app_id).status("failed");
    let id = lane.row(&mut scene, "<subject>", new).await;
    (scene, id)
}

fn turn(scene: &Scene, id: &str) -> Request {
    let (workspace, app) = (&scene.app.workspace_id, &scene.app.app_id);
    let body = json!({ "deploymentId": id, "awakeableId": AWAKEABLE, "invocationId": INVOCATION, "appId": app });
    request(SLOTS, workspace, "AcquireOrWait", body)
}

async fn asks(lane: &Lane) -> Scene {
    let (mut scene, id) = deployment(lane).await;
    scene.request = turn(&scene, &id);
    scene
}

/// Somebody has a slot.
async fn held(lane: &Lane) -> (Scene, String) {
    let (scene, id) = deployment(lane).await;
    lane.call(&turn(&scene, &id)).await;
    (scene, id)
}

async fn gives_back(lane: &Lane) -> Scene {
    let (mut scene, id) = held(lane).await;
    let workspace = scene.app.workspace_id.clone();
    scene.request = request(SLOTS, &workspace, "Release", json!({ "deploymentId": id }));
    scene
}

/// Whoever has the slot has ended without giving it back.
async fn lost(lane: &Lane) -> Scene {
    let (mut scene, _) = held(lane).await;
    let workspace = scene.app.workspace_id.clone();
    let state = lane
        .state(SLOTS, &[&workspace])
        .await
        .expect("Restate answers");
    let nonce = state[0].2["audit"].clone();
    // older than what the audit leaves alone
    tokio::time::sleep(Duration::from_millis(20)).await;
    scene.request = request(SLOTS, &workspace, "Audit", json!({ "nonce": nonce }));
    scene
}

/// Whether our project has one at Depot.
pub(super) async fn depot_project(lane: &Lane, scene: &Scene) -> Result<Sections, String> {
    let sql = "SELECT IF(IFNULL(depot_project_id, '') = '', 'none', 'one') AS t FROM projects WHERE id = ?";
    let rows = lane.texts(sql, &[&scene.app.project_id]).await;
    Ok(vec![("depot project", rows)])
}

async fn has_project(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let sections = depot_project(lane, scene).await?;
    expect(
        sections[0].1.clone(),
        &["one".to_owned()],
        "the project at Depot",
    )
}

/// One build that got a machine, in our one project, with its one end; told is told once, and forgotten is its token.
pub(super) async fn built(lane: &Lane, scene: &Scene, end: &str) -> Result<usize, String> {
    let project = &scene.app.project_id;
    let mut builds = lane.outside.builds.builds_of(project);
    builds.retain(|b| b.polls > 0);
    let sql = "SELECT depot_project_id AS t FROM projects WHERE id = ?";
    let ours = lane.texts(sql, &[project]).await;
    let seen: Vec<String> = builds.iter().map(|b| b.project.clone()).collect();
    expect(seen, &ours, "the project of builds at Depot")?;
    let mut finishes = builds.remove(0).finishes;
    // the same end again is no other end
    finishes.dedup();
    let word = match finishes.as_slice() {
        [Finish::Success] => "success",
        [Finish::Failed(_)] => "failed",
        [Finish::Canceled] => "canceled",
        _ => "none, or several",
    };
    expect(vec![word], &[end], "the end at Depot")?;
    let sql = "SELECT CONCAT_WS(' ', outcome, IF(finished_at IS NULL, 'open', 'finished'), sealed_token) AS t
               FROM ctrl_worker_builds WHERE deployment_id = ?";
    let rows = lane.texts(sql, &[scene.id("<subject>")]).await;
    expect(rows, &[format!("{end} finished ")], "our row of the build")?;
    let images = lane.outside.builds.images_of(project).len();
    let wanted = usize::from(end == "success");
    expect(vec![images], &[wanted], "images").map(|n| n + 3)
}

async fn closed(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let sql = "SELECT CONCAT_WS(' ', outcome, IF(finished_at IS NULL, 'open', 'finished'), sealed_token) AS t
               FROM ctrl_worker_builds WHERE deployment_id = ?";
    let rows = lane.texts(sql, &[scene.id("<subject>")]).await;
    expect(
        rows,
        &["canceled finished ".to_owned()],
        "our row of the build",
    )?;
    let sql = "SELECT build_id AS t FROM ctrl_worker_builds WHERE deployment_id = ?";
    let id = lane.texts(sql, &[scene.id("<subject>")]).await.remove(0);
    let mut ends = lane
        .outside
        .builds
        .depot
        .build(&id)
        .map_or_else(Vec::new, |b| b.finishes);
    ends.dedup();
    expect(ends, &[Finish::Canceled], "the end at Depot").map(|n| n + 1)
}

/// Who has a slot of the workspace.
async fn holds_slot(lane: &Lane, scene: &Scene, wanted: &[&str]) -> Result<usize, String> {
    let state = lane.state(SLOTS, &[&scene.app.workspace_id]).await?;
    let active = state.first().map(|(_, _, s)| s["queue"]["active"].clone());
    let active = active.as_ref().and_then(Value::as_array).cloned();
    let active = active.unwrap_or_default();
    let found: Vec<String> = active
        .iter()
        .map(|h| h["deployment"].as_str().unwrap_or_default().to_owned())
        .collect();
    let wanted: Vec<String> = wanted.iter().map(|r| scene.id(r).to_owned()).collect();
    expect(found, &wanted, "who has a slot")
}
