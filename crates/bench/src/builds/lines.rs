//! How many lines a second reach ClickHouse from one build that writes as fast as it can. Not for what is in a line.

use std::time::{Duration, Instant};

use build_testbed::Script;
use intent::NewDeployment;
use serde_json::json;

use super::burst::until_ready;
use super::peers::Peers;
use super::repository::{One, sha};
use crate::Result;
use crate::machine::cpu_seconds;
use crate::overhead::DEPLOY;
use crate::report::{Report, Row};
use crate::stack::Stack;
use crate::stats::{ms, seconds};

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// No row more for so long: there comes none.
const STALLED: Duration = Duration::from_secs(20);
/// Lines a second.
const AIM: f64 = 10_000.0;

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
    let mut new = NewDeployment::production(&repository.app.app_id).git("main", &sha(1));
    new.git.message = "Fix the cart".to_owned();
    let id = intent::create_deployment(&stack.db, &new).await?;
    // Held: the stream has the time it needs, and is not cut off with the build.
    let script = Script {
        hold: true,
        lines: count,
        ..Script::default()
    };
    peers.depot.buildkit().script(&id, script);
    let before = worker.memory()?;
    let body = json!({ "deploymentId": id, "git": repository.source(1) });
    let key = repository.app.workspace_id.as_str();
    stack
        .ingress
        .send(DEPLOY, key, "Deploy", &body, None)
        .await?;
    let began = begun(peers, &id).await?;
    let spent = cpu_seconds(worker.pid())?;
    let (rows, took) = written(peers, &id, count, began).await?;
    let spent = cpu_seconds(worker.pid())? - spent;
    let after = worker.memory()?;
    peers.depot.buildkit().release(&id);
    until_ready(stack, key, 1, began).await?;
    worker.stop().await?;
    let (rows_at_last, different) = rows_of(peers, &id).await?;
    for agent in agents {
        agent.stop().await;
    }

    let dropped = count.saturating_sub(different);
    let twice = rows_at_last.saturating_sub(different);
    let rate = rows as f64 / took.as_secs_f64().max(1e-6);
    let what = format!(
        "{count} lines in BuildKit's stream of one build, until their rows are in ClickHouse"
    );
    let figure = format!(
        "{}, {rate:.0} lines/s, {dropped} dropped, {twice} written twice; worker {} MiB before, at most {} MiB",
        seconds(took),
        before.now / 1_024,
        after.peak / 1_024
    );
    let row = Row::new("build-log", what, figure);
    report.add(row.aim(
        "at least 10 000 lines/s, none dropped, none twice",
        rate >= AIM && dropped + twice == 0,
    ));
    report.note(format!(
        "`build-log`: the worker used {spent:.1} CPU seconds; rows are counted every {}.",
        ms(LOOK_EVERY)
    ));
    Ok(())
}

/// The moment in which BuildKit has begun to build.
async fn begun(peers: &Peers, id: &str) -> Result<Instant> {
    let began = Instant::now();
    while peers.depot.buildkit().solves_of(id).is_empty() {
        if began.elapsed() > STALLED {
            return Err(format!("the build of {id} does not begin").into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(Instant::now())
}

/// How many rows there are at last, and when they were.
async fn written(
    peers: &Peers,
    id: &str,
    count: usize,
    began: Instant,
) -> Result<(usize, Duration)> {
    let sql =
        format!("SELECT count() FROM default.build_step_logs_v1 WHERE deployment_id = '{id}'");
    let (mut most, mut since) = (0, Instant::now());
    loop {
        let asked = Instant::now();
        let rows: usize = peers.clickhouse.query(&sql).await?.trim().parse()?;
        if rows > most {
            (most, since) = (rows, asked);
        }
        if rows >= count || since.elapsed() > STALLED {
            return Ok((most, since - began));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Rows of a build, and different lines among them.
async fn rows_of(peers: &Peers, id: &str) -> Result<(usize, usize)> {
    let sql = format!(
        "SELECT count(), uniqExact(message) FROM default.build_step_logs_v1 WHERE deployment_id = '{id}'"
    );
    let answer = peers.clickhouse.query(&sql).await?;
    let numbers = answer.trim().split_once('\t');
    let (rows, different) = numbers.ok_or("a count without a second number")?;
    Ok((rows.parse()?, different.parse()?))
}
