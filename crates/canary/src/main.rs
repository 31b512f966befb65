//! `canary`: shows that no secret gets out of the worker. Known secrets go in through real stories; then everything that is
//! written or shown is searched for each of them, in every form. The search itself is tried first, on secrets planted in each
//! store. See docs/security.md.
//!
//! Not for production.

mod echo;
mod entry;
mod needles;
mod plants;
mod process;
mod scan;
mod secrets;
mod stores;
mod stories;
mod wal;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "canary")]
struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Be the worker; used by the harness itself.
    #[command(hide = true, disable_help_flag = true)]
    Worker {
        /// The worker's own command line.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<std::ffi::OsString>,
    },
}

fn main() -> ExitCode {
    // An error means that one is installed already.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Some(Verb::Worker { words }) = Args::parse().verb {
        plants::serve_from_env();
        return worker::cli::run(std::iter::once("worker".into()).chain(words));
    }
    match testbed::run(scan::run()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("canary: {error}");
            ExitCode::FAILURE
        }
    }
}
