//! `cargo xtask <verb>`: everything a person or CI does with this repository.
//!
//! Small on purpose: it starts other programs and reads their output. Not here: anything that needs
//! a database or Restate client; `stack`, `worker` and `ctl` are started as processes.

mod advisories;
mod bench;
mod book;
mod codegen;
mod demo;
mod docs;
mod image;
mod proof;
mod release;
mod run;
mod scenarios;
mod setup;
mod soak;
mod stack;
mod test;
mod tidy;
mod upgrade;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Works on this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Install the servers and tools that are missing, or print the exact command.
    Setup,
    /// Watch an image become a live, routed deployment on real servers; stays up until Ctrl-C.
    Demo(demo::Options),
    /// Run all tests on real servers; words after `--` go to `cargo test`.
    Test {
        /// Passed on: `-p deploy`, `-- dep_13`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Run the model test: seeded operations and faults against real servers.
    Soak(soak::Options),
    /// Play every story of every handler with every kind of fault; words go to `proof crash-matrix`.
    CrashMatrix {
        /// Passed on: `--story deploy`, `--fault kill`, `--json`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Everything that proves: the crash matrix, the planted defects, the model test.
    Proof,
    /// Replace the worker of an earlier build by this one in the middle of every story.
    UpgradeRehearsal(upgrade::Options),
    /// Check format, lints, house rules, dependencies and documentation. No tests.
    Verify,
    /// Check the house rules alone.
    Tidy,
    /// Compare docs/scenarios.md with what the last test run has shown.
    Scenarios {
        /// Print one JSON line last: which tests showed which scenario, on which revision.
        #[arg(long)]
        json: bool,
    },
    /// Measure the worker on real servers and write docs/bench.md.
    Bench {
        /// Measure nothing; fail if the page lacks a row or is older than what it measured.
        #[arg(long, conflicts_with = "quick")]
        check: bool,
        /// Small numbers and a debug build; writes nothing.
        #[arg(long)]
        quick: bool,
        /// Only these parts (start, calls, commands, overhead, waiting, jobs, certificates, builds); writes nothing.
        #[arg(conflicts_with = "check")]
        parts: Vec<String>,
    },
    /// Build the container image, run it, ask its health, stop it; say what it weighs and takes.
    Image(image::Options),
    /// Make a release: programs, image, bill of materials, checksums, notes; or build twice and compare.
    Release(release::Options),
    /// Write the client crates from proto/.
    Codegen {
        /// Write nothing; fail if what is committed differs.
        #[arg(long)]
        check: bool,
    },
    /// Render docs/ as a book into the build directory.
    Book,
    /// Write docs/services.md and docs/configuration-reference.md from what the worker serves and reads.
    Docs {
        /// Write nothing; fail if what is committed differs.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let done = match Args::parse().verb {
        Verb::Setup => setup::all(),
        Verb::Demo(options) => demo::run(&options),
        Verb::Test { rest } => test::all(&rest),
        Verb::Soak(options) => soak::run(&options),
        Verb::CrashMatrix { rest } => proof::matrix(&rest),
        Verb::Proof => proof::all(),
        Verb::UpgradeRehearsal(options) => upgrade::run(&options),
        Verb::Verify => verify::all(),
        Verb::Tidy => tidy::all(),
        Verb::Scenarios { json } => scenarios::report(json),
        Verb::Bench { check: true, .. } => bench::up_to_date(),
        Verb::Bench { quick, parts, .. } => bench::measure(quick, &parts),
        Verb::Image(options) => image::run(&options),
        Verb::Release(options) => release::run(&options),
        Verb::Codegen { check } => codegen::run(check),
        Verb::Book => book::build(),
        Verb::Docs { check } => docs::run(check),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
