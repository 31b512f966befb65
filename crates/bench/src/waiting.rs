//! Thousands of deployments that wait for an edge which is held back, and then go on together. Not for single ones.

use std::time::{Duration, Instant};

use edge_sim::Behaviour;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use intent::{AppRows, NewDeployment};

use crate::machine::cpu_seconds;
use crate::overhead::{agents, app, send};
use crate::report::{Report, Row};
use crate::scale::Scale;
use crate::stack::Stack;
use crate::stats::seconds;
use crate::worker::{Memory, Worker};
use crate::{Result, sql};

const PATIENCE: Duration = Duration::from_secs(14 * 60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Sends, or fixtures written, at a time.
const PARALLEL: usize = 32;
/// Time given to the waiting invocations to be suspended: two seconds of waiting, and a margin.
const SETTLE: Duration = Duration::from_secs(5);
/// KiB.
const AIM: u64 = 60 * 1024;

/// A deployment that is to be sent.
struct Planned {
    key: String,
    id: String,
}

/// What a wait showed.
struct Waited {
    until_wait: Duration,
    until_ready: Duration,
    at_wait: Memory,
    settled: Memory,
    complaints: usize,
}

pub(crate) async fn measure(stack: &Stack, scale: &Scale, report: &mut Report) -> Result<()> {
    let count = scale.waiting;
    for (prefix, keys) in [("5000-keys", count), ("one-key", 1)] {
        stack.sync_commits(false).await?;
        let first = app(stack, None).await?;
        let before = sql::number(
            &stack.db,
            "SELECT CAST(COALESCE(MAX(pk), 0) AS SIGNED) AS n FROM deployments",
            vec![],
        )
        .await?;
        let planned = plan(stack, &first, keys, count).await?;
        stack.sync_commits(true).await?;
        let worker = stack.worker().await?;
        let waited = wait(stack, report, prefix, &worker, &first, before, &planned).await?;
        rows(report, prefix, keys, count, &waited);
        // A deployment is ready before its invocation has ended, and one whose worker is gone keeps a slot of Restate's.
        ended(stack).await?;
        worker.stop().await?;
    }
    Ok(())
}

/// Writes the rows: as many workspaces with one deployment each as there are keys, or one with all of them.
async fn plan(stack: &Stack, first: &AppRows, keys: usize, count: usize) -> Result<Vec<Planned>> {
    if keys == 1 {
        let new = NewDeployment::production(&first.app_id);
        let ids = intent::create_deployments(&stack.db, &new, count).await?;
        let key = &first.workspace_id;
        return Ok(ids
            .into_iter()
            .map(|id| Planned {
                key: key.clone(),
                id,
            })
            .collect());
    }
    stream::iter(0..keys)
        .map(|_| async {
            let app = app(stack, Some(first)).await?;
            let new = NewDeployment::production(&app.app_id);
            let id = intent::create_deployment(&stack.db, &new).await?;
            Ok(Planned {
                key: app.workspace_id,
                id,
            })
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await
}

async fn wait(
    stack: &Stack,
    report: &mut Report,
    prefix: &str,
    worker: &Worker,
    first: &AppRows,
    before: i64,
    planned: &[Planned],
) -> Result<Waited> {
    let agents = agents(&stack.db, first, &Behaviour::never_ready());
    let count = i64::try_from(planned.len())?;
    let mut spent = Spent::begin(stack, worker)?;
    let began = Instant::now();
    let sent = stream::iter(planned)
        .map(|p| send(stack, &p.key, &p.id))
        .buffer_unordered(PARALLEL)
        .try_fold((), |(), _| async { Ok(()) });
    let all_wait = until(
        stack,
        count,
        "SELECT COUNT(*) AS n FROM ctrl_worker_waits w JOIN deployments d ON d.id = w.deployment_id WHERE d.pk > ? AND d.status = 'deploying'",
        before,
    );
    let (sent_at, all_wait) = futures::future::try_join(
        async {
            sent.await?;
            Ok(began.elapsed())
        },
        all_wait,
    )
    .await?;
    let until_wait = all_wait - began;
    let at_wait = worker.memory()?;
    report.note(format!(
        "`{prefix}-until-all-wait`: all sent after {}; {}.",
        seconds(sent_at),
        spent.since()?
    ));
    tokio::time::sleep(SETTLE).await;
    let settled = worker.memory()?;

    spent = Spent::begin(stack, worker)?;
    let began = Instant::now();
    for agent in &agents {
        agent.behave(Behaviour::ready_after(Duration::ZERO));
    }
    let ready = until(
        stack,
        count,
        "SELECT COUNT(*) AS n FROM deployments WHERE pk > ? AND status = 'ready'",
        before,
    );
    let until_ready = ready.await? - began;
    report.note(format!("`{prefix}-until-all-ready`: {}.", spent.since()?));
    for agent in agents {
        agent.stop().await;
    }
    let complaints = worker.complaints()?;
    if !complaints.is_empty() {
        let shown = complaints.iter().take(3);
        let shown: Vec<String> = shown.map(|(what, n)| format!("{n} × {what}")).collect();
        report.note(format!(
            "`{prefix}-…`: most frequent in the worker's log: {}.",
            shown.join("; ")
        ));
    }
    Ok(Waited {
        until_wait,
        until_ready,
        at_wait,
        settled,
        complaints: complaints.iter().map(|(_, n)| n).sum(),
    })
}

/// The moment in which the statement counts them all.
async fn until(stack: &Stack, count: i64, statement: &str, before: i64) -> Result<Instant> {
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        let counted = sql::number(&stack.db, statement, vec![before.into()]).await?;
        if counted >= count {
            return Ok(asked);
        }
        let failed = "SELECT COUNT(*) AS n FROM deployments WHERE pk > ? AND status = 'failed'";
        let failed = sql::number(&stack.db, failed, vec![before.into()]).await?;
        if failed > 0 || began.elapsed() > PATIENCE {
            return Err(format!(
                "{counted} of {count} after {}, {failed} failed: {statement}",
                seconds(began.elapsed())
            )
            .into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until Restate has nothing in flight.
async fn ended(stack: &Stack) -> Result<()> {
    let began = Instant::now();
    let sql =
        "SELECT COUNT(*) AS n FROM sys_invocation WHERE status NOT IN ('completed', 'scheduled')";
    loop {
        let rows = stack.admin.query(sql).await?;
        let left = rows.first().map_or(0, |row| row["n"].as_i64().unwrap_or(0));
        if left == 0 {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{left} invocations do not end").into());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn rows(report: &mut Report, prefix: &str, keys: usize, count: usize, waited: &Waited) {
    let of = if keys == 1 {
        "on one key"
    } else {
        "each on a key of its own"
    };
    let mib = |kib: u64| format!("{:.0} MiB", kib as f64 / 1024.0);
    let rate = |time: Duration| {
        format!(
            "{} ({:.0}/s)",
            seconds(time),
            count as f64 / time.as_secs_f64()
        )
    };
    report.add(Row::new(
        &format!("{prefix}-until-all-wait"),
        format!("{count} deployments {of}, edge held back: first send until all wait"),
        rate(waited.until_wait),
    ));
    let most = waited.at_wait.now.max(waited.settled.now);
    let figure = format!(
        "{} when the last began to wait, {} five seconds later; {} at most so far",
        mib(waited.at_wait.now),
        mib(waited.settled.now),
        mib(waited.settled.peak)
    );
    let row = Row::new(
        &format!("{prefix}-worker-memory"),
        "the worker's resident memory then",
        figure,
    );
    report.add(row.aim("< 60 MiB", most < AIM));
    let complaints = match waited.complaints {
        0 => "no warning in the worker's log".to_owned(),
        n => format!("{n} warnings in the worker's log"),
    };
    report.add(Row::new(
        &format!("{prefix}-until-all-ready"),
        "edge let go until all are ready",
        format!("{}, {complaints}", rate(waited.until_ready)),
    ));
}

/// CPU time by process.
struct Spent(Vec<(&'static str, u32, f64)>);

impl Spent {
    fn begin(stack: &Stack, worker: &Worker) -> Result<Self> {
        let ours = [
            ("worker", worker.pid()),
            ("edge and load", std::process::id()),
        ];
        let all = stack.pids.iter().copied().chain(ours);
        let spent = all.map(|(name, pid)| Ok((name, pid, cpu_seconds(pid)?)));
        Ok(Self(spent.collect::<Result<_>>()?))
    }

    /// In words: how many CPU seconds went to whom.
    fn since(&self) -> Result<String> {
        let mut parts = Vec::new();
        for (name, pid, before) in &self.0 {
            parts.push(format!("{name} {:.1}", cpu_seconds(*pid)? - before));
        }
        Ok(format!("CPU seconds: {}", parts.join(", ")))
    }
}
