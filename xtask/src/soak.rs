//! `cargo xtask soak`: builds the model test and runs it.
//!
//! Not for what it does: see `crates/soak`.

use clap::Args;

use crate::run::{Result, cargo, check};
use crate::setup;

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The same seed gives the same operations, targets and fault times.
    #[arg(long)]
    seed: u64,
    /// Minutes with operations and faults; a quiet tail follows.
    #[arg(long, default_value = "5")]
    minutes: String,
    /// Print the summary as the last line, in JSON.
    #[arg(long)]
    json: bool,
}

/// Builds, then runs in the foreground; its failure is ours.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::servers()?;
    check(&mut cargo(&["build", "--quiet", "--package", "soak"]))?;
    let mut soak = cargo(&["run", "--quiet", "--package", "soak", "--"]);
    soak.args([
        "--seed",
        &options.seed.to_string(),
        "--minutes",
        &options.minutes,
    ]);
    if options.json {
        soak.arg("--json");
    }
    check(&mut soak)
}
