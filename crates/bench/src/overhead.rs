//! What a deployment costs beyond the time its instances take. Not for deployments that wait long.

use std::time::Duration;

use edge_sim::{Agent, AgentHandle, AgentOptions, Behaviour};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use intent::{AppRows, Fixture, NewDeployment};
use mysql::Db;
use serde_json::json;

use crate::Result;
use crate::observe::{Moments, Observer};
use crate::report::{Report, Row};
use crate::scale::Scale;
use crate::stack::Stack;
use crate::stats::{Times, ms};

pub(crate) const DEPLOY: &str = "hydra.v1.DeployService";
/// Regions of every app here.
pub(crate) const REGIONS: usize = 2;
/// Deployments at a time in the second row; each lane has an app of its own.
const LANES: usize = 8;
/// What the edge is given per region.
const POLL: Duration = Duration::from_millis(10);
const AIM_P50: Duration = Duration::from_millis(80);
const AIM_P99: Duration = Duration::from_millis(250);

pub(crate) async fn measure(stack: &Stack, scale: &Scale, report: &mut Report) -> Result<()> {
    let agents_db = stack.db.clone();
    let first = app(stack, None).await?;
    let agents = agents(&agents_db, &first, &Behaviour::ready_after(Duration::ZERO));
    let mut apps = vec![first];
    while apps.len() < LANES {
        apps.push(app(stack, apps.first()).await?);
    }
    let observer = Observer::start(stack.own_connection().await?);
    // The first deployment of an environment also creates its sentinels.
    for app in &apps {
        deploy(stack, &observer, app).await?;
    }
    let _warm_up = observer.rounds();

    let mut alone = Vec::new();
    for _ in 0..scale.deploys {
        alone.push(deploy(stack, &observer, &apps[0]).await?);
    }
    rows(
        report,
        "deploy-overhead-sequential",
        "one at a time",
        &alone,
        &observer.rounds(),
    );

    let lanes: Vec<Vec<Moments>> = stream::iter(&apps)
        .map(|app| {
            let observer = &observer;
            async move {
                let mut done = Vec::new();
                for _ in 0..scale.deploys.div_ceil(LANES) {
                    done.push(deploy(stack, observer, app).await?);
                }
                Ok::<_, crate::Error>(done)
            }
        })
        .buffer_unordered(LANES)
        .try_collect()
        .await?;
    rows(
        report,
        "deploy-overhead-8",
        "eight at a time, eight apps",
        &lanes.concat(),
        &observer.rounds(),
    );
    for agent in agents {
        agent.stop().await;
    }
    Ok(())
}

fn rows(report: &mut Report, id: &str, how: &str, moments: &[Moments], rounds: &Times) {
    let overhead = Times::of(
        moments
            .iter()
            .map(|m| (m.ready - m.inserted).saturating_sub(m.instances - m.topology)),
    );
    let total = Times::of(moments.iter().map(|m| m.ready - m.inserted));
    let before = Times::of(moments.iter().map(|m| m.topology - m.inserted));
    let edge = Times::of(moments.iter().map(|m| m.instances - m.topology));
    let after = Times::of(moments.iter().map(|m| m.ready - m.instances));
    let passed = overhead.percentile(50.0) < AIM_P50 && overhead.percentile(99.0) < AIM_P99;
    let what =
        format!("overhead of Deploy, production, {REGIONS} regions, edge ready at once, {how}");
    let figure = format!("{overhead} ({} deployments)", overhead.count());
    report.add(Row::new(id, what, figure).aim("p50 < 80 ms, p99 < 250 ms", passed));
    report.note(format!(
        "`{id}`: row inserted → topology committed {before}; → enough instances committed (the edge's time, not counted) {edge}; \
         → `ready` committed {after}; in all {total}. A round of the observer: p50 {}, p99 {}.",
        ms(rounds.percentile(50.0)),
        ms(rounds.percentile(99.0)),
    ));
}

/// A new app with room for everything; in the regions of another where one is given.
pub(crate) async fn app(stack: &Stack, beside: Option<&AppRows>) -> Result<AppRows> {
    let fixture = Fixture::new(&stack.db).quota(u32::MAX, u32::MAX);
    let fixture = match beside {
        Some(app) => fixture.in_regions(&app.regions),
        None => fixture.regions(REGIONS),
    };
    Ok(fixture.create().await?)
}

/// One edge agent for each region of the app.
pub(crate) fn agents(db: &Db, app: &AppRows, behaviour: &Behaviour) -> Vec<AgentHandle> {
    let start = |name: &str| {
        Agent::start(
            AgentOptions::new(db, name)
                .poll(POLL)
                .behaviour(behaviour.clone()),
        )
    };
    app.regions
        .iter()
        .map(|region| start(&region.name))
        .collect()
}

/// Sends Deploy as the control API does: one-way.
pub(crate) async fn send(stack: &Stack, key: &str, id: &str) -> Result<String> {
    let body = json!({ "deploymentId": id, "dockerImage": { "image": "nginx:1" } });
    Ok(stack
        .ingress
        .send(DEPLOY, key, "Deploy", &body, None)
        .await?)
}

async fn deploy(stack: &Stack, observer: &Observer, app: &AppRows) -> Result<Moments> {
    let new = NewDeployment::production(&app.app_id);
    let id = intent::create_deployment(&stack.db, &new).await?;
    let ready = observer.ready(&id);
    send(stack, &app.workspace_id, &id).await?;
    ready.await
}
