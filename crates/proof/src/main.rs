//! `proof`: plays the crash matrix, and is the worker it kills.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use proof::{FaultKind, Options, UpgradeOptions};

/// Shows that every handler survives crashes, failures and cancellation.
#[derive(Debug, Parser)]
#[command(name = "proof")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Play every story with every fault and print what was survived.
    CrashMatrix {
        /// Only stories with this name; may be given several times.
        #[arg(long)]
        story: Vec<String>,
        /// Only this kind of fault; may be given several times.
        #[arg(long)]
        fault: Vec<String>,
        /// At most so many faults of a kind and story.
        #[arg(long)]
        at_most: Option<usize>,
        /// After so many minutes, leave out faults at places at which an earlier story has the same kind.
        #[arg(long)]
        minutes: Option<u64>,
        /// Number of lanes.
        #[arg(long, default_value_t = 2)]
        lanes: usize,
        /// Seconds after which a play that does not come to rest is given up.
        #[arg(long, default_value_t = 60)]
        patience: u64,
        /// Print one line of JSON last.
        #[arg(long)]
        json: bool,
    },
    /// Write down the journal of each handler, or say what differs from `crates/proof/journals`.
    Journals {
        /// Replace the files.
        #[arg(long)]
        write: bool,
        /// Number of lanes.
        #[arg(long, default_value_t = 2)]
        lanes: usize,
    },
    /// Stop the worker of one build in the middle of every story and put that of another in its place.
    Upgrade {
        /// The build that is stopped: its `proof`. This one when absent.
        #[arg(long)]
        old: Option<PathBuf>,
        /// Only stories with this name; may be given several times.
        #[arg(long)]
        story: Vec<String>,
        /// Number of lanes.
        #[arg(long, default_value_t = 2)]
        lanes: usize,
        /// Seconds after which a play that does not come to rest is given up.
        #[arg(long, default_value_t = 60)]
        patience: u64,
    },
    /// Plant each defect of `defects/` into a copy of the tree and see that its story catches it.
    Defects {
        /// Only the defect whose file name begins like this.
        #[arg(long)]
        only: Option<String>,
    },
    /// Serve as the worker that is killed; used by the harness itself.
    #[command(hide = true)]
    Worker {
        /// Configuration file.
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    // An error means that one is installed already.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let done = match Args::parse().verb {
        Verb::Worker { config } => testbed::run(proof::serve(&config)).map(|()| true),
        Verb::Defects { only } => proof::defects::run(only.as_deref()),
        Verb::Journals { write, lanes } => testbed::run(journals(write, lanes)),
        Verb::Upgrade {
            old,
            story,
            lanes,
            patience,
        } => {
            proof::set_patience(patience);
            testbed::run(upgrade(old, story, lanes))
        }
        Verb::CrashMatrix {
            story,
            fault,
            at_most,
            minutes,
            lanes,
            patience,
            json,
        } => {
            proof::set_patience(patience);
            testbed::run(matrix(story, fault, (at_most, minutes), lanes, json))
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("proof: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn journals(write: bool, lanes: usize) -> Result<bool, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let found = proof::journals(&proof::stories(), &Options::plain(program, lanes)).await?;
    if write {
        found.write()?;
        println!("{} journals in {}", found.0.len(), proof::FOLDER);
        return Ok(true);
    }
    let differences = found.differences()?;
    for difference in &differences {
        println!("{difference}");
    }
    Ok(differences.is_empty())
}

async fn upgrade(old: Option<PathBuf>, names: Vec<String>, lanes: usize) -> Result<bool, String> {
    let new = std::env::current_exe().map_err(|e| e.to_string())?;
    let options = UpgradeOptions {
        old: old.unwrap_or_else(|| new.clone()),
        new,
        lanes: lanes.max(1),
        verbose: true,
    };
    let stories = chosen(&names)?;
    let rehearsals = proof::rehearse(&stories, &options).await?;
    println!("{}", proof::upgrade_table(&rehearsals));
    Ok(rehearsals.iter().all(proof::Rehearsal::passed))
}

/// The stories with these names; all without.
fn chosen(names: &[String]) -> Result<Vec<proof::Story>, String> {
    let mut stories = proof::stories();
    if let Some(unknown) = names.iter().find(|n| stories.iter().all(|s| s.name != **n)) {
        return Err(format!("there is no story `{unknown}`"));
    }
    stories.retain(|s| names.is_empty() || names.iter().any(|n| n == s.name));
    Ok(stories)
}

async fn matrix(
    names: Vec<String>,
    kinds: Vec<String>,
    (at_most, minutes): (Option<usize>, Option<u64>),
    lanes: usize,
    json: bool,
) -> Result<bool, String> {
    let stories = chosen(&names)?;
    let mut faults = FaultKind::ALL.to_vec();
    if let Some(unknown) = kinds
        .iter()
        .find(|k| faults.iter().all(|f| f.name() != **k))
    {
        return Err(format!("there is no kind of fault `{unknown}`"));
    }
    faults.retain(|f| kinds.is_empty() || kinds.contains(&f.name()));
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let options = Options {
        faults,
        at_most,
        budget: minutes.map(|m| Duration::from_secs(60 * m)),
        verbose: true,
        ..Options::plain(program, lanes)
    };
    let mut report = proof::run(&stories, &options).await?;
    report.uncovered = proof::uncovered(&stories).await?;
    let chosen = !names.is_empty();
    if chosen {
        report.uncovered.clear();
    }
    println!("{}", proof::table(&report));
    println!("{:.0} s in all", report.seconds);
    if json {
        println!(
            "{}",
            serde_json::to_string(&report).map_err(|e| e.to_string())?
        );
    }
    Ok(report.passed())
}
