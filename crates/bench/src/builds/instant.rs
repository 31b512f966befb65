//! What a deployment from a commit costs more than one of an image, where the build itself takes no time. Not for real
//! builds: their time is BuildKit's.

use std::time::Duration;

use intent::NewDeployment;
use serde_json::{Value, json};

use super::peers::Peers;
use super::repository::{One, Repository, sha};
use crate::Result;
use crate::observe::{Moments, Observer};
use crate::overhead::DEPLOY;
use crate::report::{Report, Row};
use crate::stack::Stack;
use crate::stats::{Times, ms};

const AIM_P50: Duration = Duration::from_millis(200);
const AIM_P99: Duration = Duration::from_millis(500);

pub(crate) async fn measure(
    stack: &Stack,
    peers: &Peers,
    count: usize,
    report: &mut Report,
) -> Result<()> {
    let One {
        repository,
        agents,
        worker,
    } = One::connect(stack, peers).await?;
    let observer = Observer::start(stack.own_connection().await?);
    let image = || json!({ "dockerImage": { "image": "nginx:1" } });
    let commit = |number| json!({ "git": repository.source(number) });
    // The first ones make tokens, a project at Depot and sentinels, and are not counted.
    deploy(stack, &observer, &repository, 0, image()).await?;
    deploy(stack, &observer, &repository, 1, commit(1)).await?;
    let _warm_up = observer.rounds();
    let (mut images, mut commits) = (Vec::new(), Vec::new());
    for number in 2..count + 2 {
        let moments = deploy(stack, &observer, &repository, number, image()).await?;
        images.push(moments);
        let moments = deploy(stack, &observer, &repository, number, commit(number)).await?;
        commits.push(moments);
    }
    let rounds = observer.rounds();
    worker.stop().await?;
    for agent in agents {
        agent.stop().await;
    }

    let all = |moments: &[Moments]| Times::of(moments.iter().map(|m| m.ready - m.inserted));
    let before = |moments: &[Moments]| Times::of(moments.iter().map(|m| m.topology - m.inserted));
    let (image, commit) = (all(&images), all(&commits));
    let usual = image.percentile(50.0);
    let more = commits
        .iter()
        .map(|m| (m.ready - m.inserted).saturating_sub(usual));
    let more = Times::of(more);
    let (p50, p99) = (more.percentile(50.0), more.percentile(99.0));
    let what = "Deploy from a commit until `ready`, minus the p50 of the same from an image, in turns, one at a time; edge ready at \
                once, the build takes no time";
    let figure = format!("{more} ({count} deployments each)");
    let passed = p50 < AIM_P50 && p99 < AIM_P99;
    report.add(Row::new("build-overhead", what, figure).aim("p50 < 200 ms, p99 < 500 ms", passed));
    report.note(format!(
        "`build-overhead`: from a commit {commit}, from an image {image}; of these until the topology was committed {} and {}. A \
         round of the observer: p50 {}, p99 {}.",
        before(&commits),
        before(&images),
        ms(rounds.percentile(50.0)),
        ms(rounds.percentile(99.0)),
    ));
    Ok(())
}

/// Sends Deploy of this source as the control API does; both kinds have the same row.
async fn deploy(
    stack: &Stack,
    observer: &Observer,
    repository: &Repository,
    number: usize,
    source: Value,
) -> Result<Moments> {
    let app = &repository.app;
    let mut new = NewDeployment::production(&app.app_id).git("main", &sha(number));
    new.git.message = "Fix the cart".to_owned();
    let id = intent::create_deployment(&stack.db, &new).await?;
    let ready = observer.ready(&id);
    let mut body = source;
    body["deploymentId"] = json!(id);
    stack
        .ingress
        .send(DEPLOY, app.workspace_id.as_str(), "Deploy", &body, None)
        .await?;
    ready.await
}
