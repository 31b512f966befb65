//! Measures the worker on real servers: Restate and MariaDB syncing every write, the worker as a process of its own.
//! `cargo xtask bench` builds and starts it. Not for judging correctness: the tests do.

mod builds;
mod calls;
mod certificates;
mod commands;
mod deletes;
mod driver;
mod last_used;
mod load;
mod machine;
mod observe;
mod overhead;
mod quota;
mod refill;
mod report;
mod scale;
mod sql;
mod stack;
mod start;
mod stats;
mod waiting;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use report::{Report, Row};
use scale::Scale;
use stack::Stack;
use tokio::signal::unix::{SignalKind, signal};

/// What went wrong, for the person who started it.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Measures the worker and prints a table; see docs/bench.md.
#[derive(Debug, Parser)]
struct Args {
    /// Small numbers, for trying the bench itself.
    #[arg(long)]
    quick: bool,
    /// So many deployments wait together, instead of 5 000.
    #[arg(long, conflicts_with = "doc")]
    waiting: Option<usize>,
    /// Only these parts.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Part>,
    /// The page whose table is written anew.
    #[arg(long)]
    doc: Option<PathBuf>,
    /// The commit measured, for the table.
    #[arg(long, default_value = "unknown")]
    revision: String,
    /// The program `worker`; without it, the one beside this program.
    #[arg(long)]
    worker: Option<PathBuf>,
    /// The program `stack`; without it, the one beside this program.
    #[arg(long)]
    stack: Option<PathBuf>,
}

/// The parts, in the order they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Start,
    Calls,
    Commands,
    Overhead,
    Waiting,
    Jobs,
    Certificates,
    Builds,
}

fn main() -> ExitCode {
    // The only provider in the process; an error means that one is installed already.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("bench: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(until_stopped(run(Args::parse()))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Ends early, and the servers and the worker with it, when the person or the system says so.
async fn until_stopped(run: impl Future<Output = Result<()>>) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        result = run => result,
        _ = terminate.recv() => Err("stopped".into()),
        _ = interrupt.recv() => Err("stopped".into()),
    }
}

async fn run(args: Args) -> Result<()> {
    let mut scale = if args.quick {
        Scale::quick()
    } else {
        Scale::full()
    };
    scale.waiting = args.waiting.unwrap_or(scale.waiting);
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
    let program = |given: &Option<PathBuf>, name| given.clone().map_or_else(|| beside(name), Ok);
    let load = machine::load()?;
    let mut stack = Stack::start(
        &program(&args.stack, "stack")?,
        &program(&args.worker, "worker")?,
    )
    .await?;
    let mut report = Report::new(machine::describe(&stack, &load, &args.revision).await?);

    let worker = if wanted(Part::Start) {
        start::measure(&stack, &scale, &mut report).await?
    } else {
        stack.worker().await?
    };
    if wanted(Part::Calls) {
        calls::measure(&stack, &scale, &mut report).await?;
    }
    if wanted(Part::Commands) {
        commands::measure(&stack, &mut report).await?;
    }
    if wanted(Part::Overhead) {
        overhead::measure(&stack, &scale, &mut report).await?;
    }
    worker.stop().await?;
    if wanted(Part::Waiting) {
        waiting::measure(&stack, &scale, &mut report).await?;
    }
    if wanted(Part::Jobs) {
        // Each takes minutes: one that fails must not cost the figures of the others.
        let deletes = scale.deletes;
        for (id, done) in [
            ("refill", refill::measure(&stack, &scale, &mut report).await),
            (
                "quota-check",
                quota::measure(&stack, &scale, &mut report).await,
            ),
            (
                "last-used-sync",
                last_used::measure(&stack, &scale, &mut report).await,
            ),
            (
                "delete-environment",
                deletes::measure(&stack, deletes, &mut report).await,
            ),
        ] {
            if let Err(error) = done {
                report.add(Row::new(id, "not measured", error.to_string()));
            }
        }
    }
    if wanted(Part::Certificates) {
        for (id, done) in [
            (
                "renewal-scan",
                certificates::scan(&stack, scale.renewals, &mut report).await,
            ),
            (
                "1000-certificates",
                certificates::domains(&mut stack, scale.domains, &mut report).await,
            ),
        ] {
            if let Err(error) = done {
                report.add(Row::new(id, "not measured", error.to_string()));
            }
        }
    }
    if wanted(Part::Builds) {
        builds::measure(&stack, &scale, &mut report).await?;
    }
    stack.stop().await?;
    report.finish(args.doc.as_deref())
}

/// A program in the folder of this one.
fn beside(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is not there: build it first", path.display()).into())
    }
}
