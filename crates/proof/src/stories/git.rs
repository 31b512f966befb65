//! `Deploy` from a Git source: from a commit, from a branch, and one whose build fails of the customer.

use build_testbed::Ending;
use futures::FutureExt as _;
use intent::NewDeployment;
use serde_json::{Value, json};

use super::builds::{AT_DEPOT, UNFINISHED, built, depot_project, failure};
use super::github::comment;
use super::{BASE, expect, is, is_live};
use crate::build_side::{INSTALLATION, REPOSITORY, REPOSITORY_ID, SHA};
use crate::lane::DEPLOY;
use crate::scene::Request;
use crate::{Lane, Scene, Sections, Story, Undo};

/// Sent one way; whose place in the queue is not given back is taken from it by the audit.
pub(super) const ONE_WAY: &[&str] = &[
    build_slot_client::SERVICE,
    github_status_client::SERVICE,
    github_comment_client::SERVICE,
];

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: DEPLOY,
        handler: "Deploy",
        undo: Undo::Failed,
        // a project that was made at Depot stays
        may_change: &["depot project", "comment", "slots", "reports"],
        one_way: ONE_WAY,
        keyless: AT_DEPOT,
        dispensable: &[
            UNFINISHED,
            ("github deployment", &["told", "commits", "reports"]),
            ("persist github deployment id", &["commits"]),
            ("github deployment status", &["told", "reports"]),
            ("find PR for branch", &["told", "comment", "reports"]),
            ("write comment", &["told", "comment"]),
            ("clock", &["told", "comment"]),
        ],
        sections: |lane, scene| sections(lane, scene).boxed(),
        ..BASE
    };
    vec![
        Story {
            name: "deploy-from-commit",
            prepare: |lane| from_commit(lane, Ending::Success).boxed(),
            holds: |lane, scene| went_live(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "deploy-from-branch",
            prepare: |lane| from_branch(lane).boxed(),
            holds: |lane, scene| shown(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "deploy-build-fails",
            fails_with: Some(422),
            prepare: |lane| from_commit(lane, failure()).boxed(),
            holds: |lane, scene| failed(lane, scene).boxed(),
            ..base
        },
    ]
}

/// An app whose repository is known at GitHub.
pub(super) async fn connected(lane: &Lane) -> Scene {
    let scene = lane.scene(1, |f| f).await;
    let connected = intent::connect_repository(
        &lane.db,
        &scene.app,
        INSTALLATION,
        REPOSITORY_ID,
        REPOSITORY,
    );
    connected.await.expect("connected");
    scene
}

fn deploy(workspace: &str, id: &str, source: &Value) -> Request {
    Request {
        service: DEPLOY,
        key: workspace.to_owned(),
        handler: "Deploy",
        body: json!({ "deploymentId": id, "git": source }),
    }
}

/// A production deployment from a commit, over a live one.
async fn from_commit(lane: &Lane, ending: Ending) -> Scene {
    let mut scene = connected(lane).await;
    lane.deployed(&mut scene, "<live>").await;
    let new = NewDeployment::production(&scene.app.app_id);
    let id = lane.row(&mut scene, "<subject>", new).await;
    let builds = ending == Ending::Success;
    lane.outside.builds.script(&id, ending, false);
    let source = json!({ "installationId": INSTALLATION.to_string(), "repository": REPOSITORY, "commitSha": SHA });
    scene.request = deploy(&scene.app.workspace_id, &id, &source);
    late(&mut scene, builds, id);
    scene
}

/// A preview of a pull request, from its branch.
async fn from_branch(lane: &Lane) -> Scene {
    let mut scene = connected(lane).await;
    let pull = super::github::pull(lane, &mut scene).await;
    let new = NewDeployment {
        pr_number: Some(pull),
        ..NewDeployment::preview(&scene.app.app_id)
    };
    let id = lane.row(&mut scene, "<subject>", new).await;
    let source = json!({ "installationId": INSTALLATION.to_string(), "repository": REPOSITORY, "branch": "main" });
    scene.request = deploy(&scene.app.workspace_id, &id, &source);
    late(&mut scene, true, id);
    scene
}

/// The first sleep is that for a turn among the builds.
fn late(scene: &mut Scene, builds: bool, id: String) {
    scene.sleeps_before = 1;
    scene.late = builds.then_some(id);
}

pub(super) async fn sections(lane: &Lane, scene: &Scene) -> Result<Sections, String> {
    let mut sections = depot_project(lane, scene).await?;
    sections.extend(comment(lane, scene).await?);
    Ok(sections)
}

/// One build with its end, one deployment at GitHub, whose last status is this one, and no slot held.
pub(super) async fn told(
    lane: &Lane,
    scene: &Scene,
    end: &str,
    last: &str,
) -> Result<usize, String> {
    let built = built(lane, scene, end).await?;
    let id = scene.id("<subject>");
    let states = lane.outside.builds.states_of(id);
    expect(
        states.last().cloned().into_iter().collect(),
        &[last.to_owned()],
        "the last status at GitHub",
    )?;
    let all = lane.outside.builds.github.deployments();
    let ours = all.iter().filter(|d| d["payload"]["deployment"] == id);
    expect(vec![ours.count()], &[1], "deployments at GitHub")?;
    let sql = "SELECT id AS t FROM deployments WHERE app_id = ? AND git_commit_sha = ?";
    let rows = lane.texts(sql, &[&scene.app.app_id, SHA]).await;
    expect(rows, &[id.to_owned()], "deployments of the commit")?;
    let slots = lane
        .state(build_slot_client::SERVICE, &[&scene.app.workspace_id])
        .await?;
    expect(vec![slots.len()], &[0], "slots that are held")?;
    let reports = lane.state(github_status_client::SERVICE, &[id]).await?;
    expect(vec![reports.len()], &[0], "what is left to be told").map(|n| n + built + 4)
}

async fn went_live(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is_live(lane, scene, "<subject>", false).await?
        + is(lane, scene, "<subject>", "ready running").await?
        + image(lane, scene).await?
        + told(lane, scene, "success", "success").await?)
}

async fn shown(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let lines = lane.outside.builds.comments_on(scene.real("<number>"));
    let ready = lines.iter().filter(|l| l.contains("| Ready |")).count();
    expect(vec![ready, lines.len()], &[1, 1], "lines of the comment")?;
    Ok(1 + is(lane, scene, "<subject>", "ready running").await?
        + image(lane, scene).await?
        + told(lane, scene, "success", "success").await?)
}

async fn failed(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is_live(lane, scene, "<live>", false).await?
        + is(lane, scene, "<subject>", "failed running").await?
        + told(lane, scene, "failed", "failure").await?)
}

/// The image in the row is the one that was pushed.
async fn image(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let sql = "SELECT image AS t FROM deployments WHERE id = ?";
    let row = lane.texts(sql, &[scene.id("<subject>")]).await;
    expect(
        lane.outside.builds.images_of(&scene.app.project_id),
        &row,
        "the image",
    )
}
