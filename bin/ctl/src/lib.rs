//! The command line of operators and developers. It plays the control API's part: writes the rows of
//! a user's intent (crate `intent`, nothing else writes), calls the worker's handlers through
//! Restate's ingress, and reads what became of it. Not for running the worker, and not for changing
//! what the worker owns.

mod access;
mod cli;
mod failure;
mod follow;
mod log;
mod output;
mod progress;
mod read;
mod source;
mod text;
mod verbs;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

/// Runs one command line; returns the exit code its help describes.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with code 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let json = cli.json;
    match runtime.block_on(verbs::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(json, &failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
