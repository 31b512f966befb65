//! The model test: seeded operations and faults against a real worker, Restate and database, while observers check
//! the model's invariants on consistent snapshots; then a quiet tail in which everything must settle.
//!
//! `soak --seed S --minutes M`; see `docs/proof.md`. Not for chosen faults at chosen steps: see the crash matrix.

mod book;
mod child;
mod disturb;
mod driver;
mod error;
mod invariants;
mod kinds;
mod look;
mod operate;
mod plan;
mod reader;
mod report;
mod settle;
mod watch;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use book::Tally;
pub use error::Error;
pub use plan::{Disturbance, Environment, Fault, Kind, Name, Operation, Pace, Plan};
pub use report::{Invariant, Report, Violation};

use book::Book;
use look::Eye;
use watch::{Watch, Watched};
use world::Stage;

/// Lines of history told with a violation, besides those about the rows it names.
const TOLD: usize = 30;

/// What to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Seed of the plan.
    pub seed: u64,
    /// Length of the part with operations and faults.
    pub length: Duration,
    /// How often things happen.
    pub pace: Pace,
    /// A program that is the worker when its first argument is `worker`: this very binary.
    pub program: PathBuf,
}

/// Runs the plan of the seed in a world of its own.
///
/// # Errors
/// The world could not be started, or the worker ended by itself. What the worker did wrong is in the report.
pub async fn run(options: Options) -> Result<Report, Error> {
    let began = Instant::now();
    let plan = Plan::new(options.seed, options.length, options.pace);
    let (stage, servers) = world::start(options.program).await?;
    let book = Arc::new(Book::new());
    let disturbed = Instant::now();

    let watch = Watch::start(stage.clone());
    let work = operate::run(stage.clone(), book.clone(), plan.operations);
    let faults = disturb::run(stage.clone(), book.clone(), servers, plan.faults);
    let (mut work, mut faults) = (tokio::spawn(work), tokio::spawn(faults));
    let ended = tokio::select! {
        ended = async { tokio::join!(&mut work, &mut faults) } => Some(ended),
        () = watch.violated() => None,
    };
    let disturbed = disturbed.elapsed();
    let mut eye = Eye::new(&stage.database.url);
    let (watched, servers) = match ended {
        Some((work, faults)) => {
            work.map_err(|_| Error::Task("operations"))?;
            // They live until everything was looked at.
            let servers = faults.map_err(|_| Error::Task("faults"))??;
            (tail(&stage, &mut eye, &book, watch).await?, Some(servers))
        }
        None => (watch.stop().await, None),
    };
    let violations = watched.violations;
    if !violations.is_empty() {
        testbed::keep_evidence();
    }
    // After a violation the database may be one of the things that are down.
    let facts = watch::facts(&mut eye, &book).await.unwrap_or_default();
    if servers.is_none() {
        // With the task the servers end.
        work.abort();
        faults.abort();
        let _ended = tokio::join!(work, faults);
    }
    let inner = book.lock();
    let (operations, faults) = (inner.operations.clone(), inner.faults.clone());
    drop(inner);
    Ok(Report {
        seed: options.seed,
        disturbed,
        total: began.elapsed(),
        operations,
        faults,
        looks: watched.checks.looks,
        changes: watched.reader.changes,
        timers: facts.timers,
        statuses: facts.statuses,
        longest_active: watched.checks.longest_active,
        history: history(&book, &violations),
        violations,
    })
}

/// Waits for rest while the observer goes on, then checks what must hold at rest.
async fn tail(stage: &Stage, eye: &mut Eye, book: &Book, watch: Watch) -> Result<Watched, Error> {
    let settled = settle::wait(stage, eye).await?;
    let mut watched = watch.stop().await;
    watched.violations.extend(settled.violation);
    watched
        .checks
        .count(Invariant::Settles, settled.evaluations);
    if watched.violations.is_empty() {
        watched.violations =
            settle::check(eye, &mut watched.checks, &mut watched.reader, book).await?;
    }
    Ok(watched)
}

/// The last operations and faults, and before them all that name a row of a violation.
fn history(book: &Book, violations: &[Violation]) -> Vec<String> {
    let ids = violations.iter().flat_map(|v| &v.rows);
    let ids = ids.flat_map(|row| row.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    let ids: Vec<&str> = ids.filter(|word| word.starts_with("d_")).collect();
    let names: Vec<String> = book
        .lock()
        .rows
        .iter()
        .filter(|(_, id)| ids.contains(&id.as_str()))
        .map(|(name, id)| format!("{name} is {id}"))
        .collect();
    let words: Vec<&str> = names.iter().filter_map(|n| n.split(' ').next()).collect();
    let mut lines = names.clone();
    lines.extend(book.about(&words));
    lines.push(format!("the last {TOLD}:"));
    lines.extend(book.last(TOLD));
    lines
}
