//! From a push that is handed over to the Deploy that comes of it, one at a time. Not for many at once: see `burst`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use restate_api::quoted;

use super::peers::Peers;
use super::repository::{One, Pushed, Repository};
use crate::overhead::DEPLOY;
use crate::report::{Report, Row};
use crate::stack::Stack;
use crate::stats::Times;
use crate::{Result, sql};

const AIM_P50: Duration = Duration::from_millis(100);
const AIM_P99: Duration = Duration::from_millis(250);
/// Longer than any deployment takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Invocations asked after at a time.
const ASKED: usize = 200;

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
    let (mut pushes, mut whole) = (Vec::new(), Vec::new());
    // The first one makes tokens, a project at Depot and sentinels, and is not counted.
    for number in 0..=count {
        let began = Instant::now();
        let delivery = format!("{}-{number}", repository.app.app_id);
        let before = number.checked_sub(1);
        let pushed = repository.push(stack, "main", before, number, &delivery);
        let pushed = pushed.await?;
        ready(stack, &repository, number + 1).await?;
        if number > 0 {
            pushes.push(pushed);
            whole.push(began.elapsed());
        }
    }
    let sent = until_deploy(stack, &pushes).await?;
    worker.stop().await?;
    for agent in agents {
        agent.stop().await;
    }
    if sent.len() != count {
        return Err(format!("{} of {count} pushes became a Deploy", sent.len()).into());
    }
    let times = Times::of(sent);
    let passed = times.percentile(50.0) < AIM_P50 && times.percentile(99.0) < AIM_P99;
    let what =
        "a push handed to HandlePush through ingress, until Restate has its Deploy, one at a time";
    let figure = format!("{times} ({} pushes)", times.count());
    report
        .add(Row::new("webhook-to-deploy", what, figure).aim("p50 < 100 ms, p99 < 250 ms", passed));
    report.note(format!(
        "`webhook-to-deploy`: until its deployment was ready, looked at every 5 ms: {}.",
        Times::of(whole)
    ));
    Ok(())
}

/// Waits until so many deployments of the app were ready.
async fn ready(stack: &Stack, repository: &Repository, count: usize) -> Result<()> {
    let statement = "SELECT CAST(COALESCE(SUM(status IN ('ready', 'stopped')), 0) AS SIGNED) AS n FROM deployments WHERE app_id = ?";
    let began = Instant::now();
    loop {
        let app = repository.app.app_id.as_str();
        let now = sql::number(&stack.db, statement, vec![app.into()]).await?;
        if now >= i64::try_from(count)? {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{now} of {count} deployments are ready").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How long each push took until Restate had the Deploy that comes of it; a push without one is left out, and one with two
/// counts twice.
pub(crate) async fn until_deploy(stack: &Stack, pushes: &[Pushed]) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for some in pushes.chunks(ASKED) {
        let mut began: BTreeMap<String, i64> = some
            .iter()
            .map(|push| (push.invocation.clone(), push.at))
            .collect();
        // What handles a push may leave the sending to others.
        while !began.is_empty() {
            let mut below = BTreeMap::new();
            for (parent, id, service, created) in children(stack, &began).await? {
                let Some(at) = began.get(&parent) else {
                    continue;
                };
                if service == DEPLOY {
                    let micros = u64::try_from(created * 1_000 - at).unwrap_or(0);
                    times.push(Duration::from_micros(micros));
                } else {
                    below.insert(id, *at);
                }
            }
            began = below;
        }
    }
    Ok(times)
}

/// Parent, id, service and moment of creation (milliseconds since 1970) of what the parents have called or sent.
async fn children(
    stack: &Stack,
    parents: &BTreeMap<String, i64>,
) -> Result<Vec<(String, String, String, i64)>> {
    let ids: Vec<String> = parents.keys().map(|id| quoted(id)).collect();
    let sql = format!(
        "SELECT invoked_by_id, id, target_service_name, CAST(created_at AS BIGINT) AS created FROM sys_invocation \
         WHERE invoked_by_id IN ({})",
        ids.join(", ")
    );
    let rows = stack.admin.query(&sql).await?;
    let text =
        |row: &serde_json::Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows.iter()
        .map(|row| {
            let created = row["created"].as_i64();
            Ok((
                text(row, "invoked_by_id"),
                text(row, "id"),
                text(row, "target_service_name"),
                created.ok_or("an invocation without a time")?,
            ))
        })
        .collect()
}
