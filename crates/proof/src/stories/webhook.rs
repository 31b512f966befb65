//! GitHubWebhookService: a push that goes live, a fork's that waits for its approval, and a pull request that is closed.

use futures::FutureExt as _;
use github_webhook_client::SERVICE;
use intent::NewDeployment;
use serde_json::{Value, json};

use super::builds::AT_DEPOT;
use super::git::{ONE_WAY, sections, told};
use super::{BASE, expect, is, is_live};
use crate::build_side::{INSTALLATION, REPOSITORY, SHA};
use crate::lane::{DEPLOY, deploy};
use crate::scene::Request;
use crate::{Lane, Scene, Story};

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: SERVICE,
        one_way: ONE_WAY,
        keyless: AT_DEPOT,
        // a push that was written is deployed whatever becomes of the handler, or found pending
        may_change: &[
            "app",
            "deployments",
            "topology",
            "routes",
            "runs",
            "waits",
            "state",
            "commits",
            "builds",
            "depot project",
            "comment",
            "slots",
            "reports",
        ],
        // what the push leads to are stories of their own
        own_commands_only: true,
        sections: |lane, scene| sections(lane, scene).boxed(),
        ..BASE
    };
    vec![
        Story {
            name: "push",
            handler: "HandlePush",
            prepare: |lane| push(lane).boxed(),
            holds: |lane, scene| went_live(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "push-of-a-fork",
            handler: "HandlePush",
            dispensable: &[("create commit status for authorization", &["told"])],
            prepare: |lane| push_of_a_fork(lane).boxed(),
            holds: |lane, scene| awaits(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "close-pull-request",
            handler: "ClosePullRequest",
            // the next look ends it
            dispensable: &[
                ("cancel deployment", &["deployments", "steps", "runs"]),
                ("find PR for branch", &[]),
            ],
            prepare: |lane| closed(lane).boxed(),
            holds: |lane, scene| removed(lane, scene).boxed(),
            ..base
        },
    ]
}

/// An app of a repository of its own, by number: pushes to it are this play's alone.
async fn repository(lane: &Lane) -> (Scene, String) {
    let mut scene = lane.scene(1, |f| f).await;
    let number = drawn(lane).await;
    let key = format!("{INSTALLATION}:{number}");
    scene.name(&key, "<repository>");
    let id = number.parse().unwrap_or_default();
    let connected = intent::connect_repository(&lane.db, &scene.app, INSTALLATION, id, REPOSITORY);
    connected.await.expect("connected");
    (scene, number)
}

async fn drawn(lane: &Lane) -> String {
    let drawn = "SELECT CAST(1000000 + FLOOR(RAND() * 1000000000) AS CHAR) AS t";
    lane.texts(drawn, &[]).await.remove(0)
}

fn request(number: &str, handler: &'static str, more: Value) -> Request {
    let mut body = more;
    body["installationId"] = INSTALLATION.to_string().into();
    body["repositoryId"] = number.into();
    body["repositoryFullName"] = REPOSITORY.into();
    Request {
        service: SERVICE,
        key: format!("{INSTALLATION}:{number}"),
        handler,
        body,
    }
}

/// The deployment that a delivery becomes has its id from it.
fn subject(scene: &mut Scene, number: &str) -> String {
    let delivery = ids::random(ids::Prefix::KEY);
    let parts = ["push", number, &delivery, &scene.app.app_id];
    let id = ids::derived(ids::Prefix::DEPLOYMENT, &parts);
    let in_names = id.replace('_', "-").to_ascii_lowercase();
    scene.name(&in_names, "<subject>");
    scene.name(&id, "<subject>");
    scene.deployments.push(("<subject>", id));
    delivery
}

/// A push to the default branch, over a live deployment.
async fn push(lane: &Lane) -> Scene {
    let (mut scene, number) = repository(lane).await;
    lane.deployed(&mut scene, "<live>").await;
    let sql = "SELECT git_commit_sha AS t FROM deployments WHERE id = ?";
    let before = lane.texts(sql, &[scene.id("<live>")]).await.remove(0);
    let delivery = subject(&mut scene, &number);
    let push = json!({
        "branch": "main", "before": before, "after": SHA, "commitMessage": "Fix the cart", "commitAuthorHandle": "octo",
        "deliveryId": delivery, "changedFiles": ["README.md"], "senderLogin": "octo",
    });
    scene.request = request(&number, "HandlePush", push);
    scene
}

async fn push_of_a_fork(lane: &Lane) -> Scene {
    let (mut scene, number) = repository(lane).await;
    let delivery = subject(&mut scene, &number);
    let sha = format!("{:0>40}", drawn(lane).await);
    scene.name(&sha, "<sha>");
    let push = json!({
        "branch": "main", "after": sha, "commitMessage": "A patch", "commitAuthorHandle": "cat", "deliveryId": delivery,
        "isForkPr": true, "prNumber": "7", "forkRepositoryFullName": "cat/shop", "senderLogin": "cat",
    });
    scene.request = request(&number, "HandlePush", push);
    scene
}

/// A preview of the pull request is up, and a newer one has not begun.
async fn closed(lane: &Lane) -> Scene {
    let (mut scene, number) = repository(lane).await;
    let preview = |sha: char| {
        let sha = sha.to_string().repeat(40);
        NewDeployment::preview(&scene.app.app_id).git("feature", &sha)
    };
    let (older, newer) = (preview('a'), preview('b'));
    let older = lane.row(&mut scene, "<older>", older).await;
    lane.call(&deploy(&scene.app.workspace_id, &older)).await;
    lane.row(&mut scene, "<subject>", newer).await;
    let close = json!({ "prNumber": "7", "branch": "feature", "deliveryId": ids::random(ids::Prefix::KEY) });
    scene.request = request(&number, "ClosePullRequest", close);
    scene
}

async fn went_live(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let sql = "SELECT id AS t FROM deployments WHERE app_id = ? AND id <> ?";
    let others = lane
        .texts(sql, &[&scene.app.app_id, scene.id("<live>")])
        .await;
    expect(
        others,
        &[scene.id("<subject>").to_owned()],
        "deployments of the push",
    )?;
    Ok(1 + is_live(lane, scene, "<subject>", false).await?
        + is(lane, scene, "<subject>", "ready running").await?
        + told(lane, scene, "success", "success").await?)
}

/// It waits, GitHub says so once, and nobody deploys it.
async fn awaits(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let waits = is(lane, scene, "<subject>", "awaiting_approval running").await?;
    let sha = scene.real("<sha>");
    let all = lane.outside.builds.github.statuses();
    let said: Vec<Value> = all
        .into_iter()
        .filter(|(of, _)| of == sha)
        .map(|(_, status)| status["state"].clone())
        .collect();
    expect(said, &[json!("failure")], "statuses of the commit")?;
    let sql = format!(
        "SELECT id FROM sys_invocation WHERE target_service_name = '{DEPLOY}' AND target_service_key = {}",
        restate_api::quoted(&scene.app.workspace_id)
    );
    let sent = lane.admin().query(&sql).await.map_err(|e| e.to_string())?;
    expect(vec![sent.len()], &[0], "deployments that were sent").map(|n| n + waits + 1)
}

async fn removed(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is(lane, scene, "<older>", "asleep archived").await?
        + is(lane, scene, "<subject>", "failed running").await?)
}
