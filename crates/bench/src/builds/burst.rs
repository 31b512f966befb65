//! Many pushes within a minute, over many repositories of one workspace that may build four at a time: whether each becomes
//! one deployment, how waiting is shared out, and what the worker needs. Not for single pushes: see `push`.

use std::time::{Duration, Instant};

use edge_sim::Behaviour;

use super::count::{Before, Counted, ready};
use super::fairness::{Waits, jain, waits};
use super::peers::{Peers, SLOTS};
use super::push::until_deploy;
use super::repository::{Pushed, Repository};
use crate::Result;
use crate::overhead::{agents, app};
use crate::report::{Report, Row};
use crate::stack::Stack;
use crate::stats::{Times, seconds};
use crate::worker::Memory;

const REPOSITORIES: usize = 20;
/// From one push to the next: 200 in a minute.
const EVERY: Duration = Duration::from_millis(300);
/// What a build takes, so that turns are waited for: four at a time are fewer in a minute than there are pushes.
const BUILD: Duration = Duration::from_secs(2);
/// Every so many deliveries GitHub repeats one.
const REPEATED: usize = 10;
/// Nothing became ready for so long: nothing will.
const STALLED: Duration = Duration::from_secs(60);
/// So long after everything is there it is counted: what is done twice shows itself by then.
const SETTLE: Duration = Duration::from_secs(5);
const AIM_JAIN: f64 = 0.9;
/// KiB.
const AIM_MEMORY: u64 = 80 * 1024;

/// What a minute of pushes showed.
struct Minute {
    counted: Counted,
    /// From the first push until nothing more became ready.
    took: Duration,
    sent: Times,
    waits: Vec<Waits>,
    before: Memory,
    after: Memory,
    complaints: usize,
    busy: String,
}

pub(crate) async fn measure(
    stack: &Stack,
    peers: &Peers,
    count: usize,
    report: &mut Report,
) -> Result<()> {
    peers.builds_take(BUILD);
    let even = minute(stack, peers, count, |number| number % REPOSITORIES).await;
    // Half of all in the first of them.
    let uneven = |number: usize| match number % 2 {
        0 => 0,
        _ => 1 + number / 2 % (REPOSITORIES - 1),
    };
    let busy = minute(stack, peers, count, uneven).await;
    peers.builds_take(Duration::ZERO);
    rows(report, count, &even?);
    one_busy(report, count, &busy?);
    Ok(())
}

async fn minute(
    stack: &Stack,
    peers: &Peers,
    count: usize,
    of: impl Fn(usize) -> usize,
) -> Result<Minute> {
    let first = app(stack, None).await?;
    let agents = agents(&stack.db, &first, &Behaviour::ready_after(Duration::ZERO));
    let workspace = first.workspace_id.clone();
    let all = Repository::connect_many(stack, peers, first, REPOSITORIES).await?;
    let worker = peers.worker(stack).await?;
    let before = worker.memory()?;
    let counts = Before::look(peers);

    let began = Instant::now();
    let mut pushes: Vec<Pushed> = Vec::new();
    for number in 0..count {
        let due = began + EVERY * u32::try_from(number)?;
        tokio::time::sleep_until(due.into()).await;
        let repository = &all[of(number)];
        // A branch each: on one branch a newer push takes the place of an older one that has not begun to build.
        let branch = format!("feature-{number}");
        let delivery = format!("{workspace}-{number}");
        let push = || repository.push(stack, &branch, None, number, &delivery);
        pushes.push(push().await?);
        if number % REPEATED == 0 {
            push().await?;
        }
    }
    let took = until_ready(stack, &workspace, count, began).await?;
    let settled = Instant::now();
    while !counts.since(stack, peers, &workspace).await?.all(count) && settled.elapsed() < STALLED {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    tokio::time::sleep(SETTLE).await;
    let minute = Minute {
        counted: counts.since(stack, peers, &workspace).await?,
        took,
        sent: Times::of(until_deploy(stack, &pushes).await?),
        waits: waits(stack, &workspace).await?,
        before,
        after: worker.memory()?,
        complaints: worker.complaints()?.iter().map(|(_, n)| n).sum(),
        busy: all[0].app.app_id.clone(),
    };
    worker.stop().await?;
    for agent in agents {
        agent.stop().await;
    }
    Ok(minute)
}

/// When the last one of a workspace became ready, since `began`; what never does is counted as lost afterwards.
pub(super) async fn until_ready(
    stack: &Stack,
    workspace: &str,
    count: usize,
    began: Instant,
) -> Result<Duration> {
    let (mut most, mut since) = (0, Instant::now());
    loop {
        let asked = Instant::now();
        let now = ready(stack, workspace).await?;
        if now > most {
            (most, since) = (now, asked);
        }
        if now >= count || since.elapsed() > STALLED {
            return Ok(since - began);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn rows(report: &mut Report, count: usize, minute: &Minute) {
    let repeated = count.div_ceil(REPEATED);
    let what = format!(
        "{count} pushes in {}, to branches of their own in {REPOSITORIES} repositories of one workspace, {repeated} delivered twice; \
         {SLOTS} builds of 2 s at a time",
        seconds(EVERY * u32::try_from(count).unwrap_or(u32::MAX))
    );
    let figure = format!(
        "{}; all ready after {}",
        minute.counted,
        seconds(minute.took)
    );
    let row = Row::new("200-pushes", what, figure);
    report.add(row.aim("none lost, none twice", minute.counted.all(count)));

    let means = means(&minute.waits);
    let index = jain(&means);
    let (least, most) = ends(&means);
    let what = "the wait for a turn, beginning of the step `building` until the build is opened: Jain's index over the means of the \
                repositories (1: all equal, 0.05: one bears everything)";
    let figure = format!(
        "{index:.3}; the means of the repositories are between {least:.1} s and {most:.1} s"
    );
    let row = Row::new("200-pushes-fairness", what, figure);
    let complete = means.len() == REPOSITORIES.min(count);
    report.add(row.aim("at least 0.9", complete && index >= AIM_JAIN));

    let figure = format!(
        "{} MiB before, at most {} MiB, {} MiB at the end",
        minute.before.now / 1_024,
        minute.after.peak / 1_024,
        minute.after.now / 1_024
    );
    let row = Row::new(
        "200-pushes-worker-memory",
        "the worker's resident memory meanwhile",
        figure,
    );
    report.add(row.aim("at most 80 MiB", minute.after.peak <= AIM_MEMORY));
    let all = minute.waits.iter().flat_map(|w| w.times().iter().copied());
    report.note(format!(
        "`200-pushes`: a push until Restate has its Deploy {}; the wait for a turn {}; {} warnings in the worker's log.",
        minute.sent,
        Times::of(all),
        minute.complaints
    ));
}

fn one_busy(report: &mut Report, count: usize, minute: &Minute) {
    let (busy, quiet): (Vec<&Waits>, Vec<&Waits>) =
        minute.waits.iter().partition(|w| w.app_id == minute.busy);
    let busy = busy.first().map(|w| w.mean()).unwrap_or_default();
    let quiet: Vec<f64> = quiet.iter().map(|w| w.mean().as_secs_f64()).collect();
    let (_, most) = ends(&quiet);
    let what = format!(
        "the same, with half of the {count} pushes in one repository: the wait for a turn there, and in the {} others",
        REPOSITORIES - 1
    );
    let exact = minute.counted.all(count);
    let figure = format!(
        "busy one {} on average, the others {:.1} s on average and at most {most:.1} s, each repository's mean; {}",
        seconds(busy),
        quiet.iter().sum::<f64>() / quiet.len().max(1) as f64,
        match exact {
            true => "none lost, none twice".to_owned(),
            false => minute.counted.to_string(),
        }
    );
    let row = Row::new("200-pushes-one-busy", what, figure);
    let aim = "none lost, none twice, and no other waits more than half as long as the busy one";
    report.add(row.aim(aim, exact && most <= busy.as_secs_f64() / 2.0));
}

/// In seconds.
fn means(waits: &[Waits]) -> Vec<f64> {
    waits.iter().map(|w| w.mean().as_secs_f64()).collect()
}

/// The least and the most.
fn ends(of: &[f64]) -> (f64, f64) {
    let least = of.iter().copied().fold(f64::INFINITY, f64::min);
    (least, of.iter().copied().fold(0.0, f64::max))
}
