//! The command line: which verb, which configuration file, and the exit code.
//!
//! `worker --config <file>` and `worker run ctrl worker --config <file>` serve, as the existing worker's command line
//! does. Not for what the verbs do (see `commands` and `serve`).

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use config::{Config, ConfigError};

use crate::{commands, reference, serve};

/// Hosts the workflows of the control plane on Restate.
#[derive(Debug, Parser)]
#[command(name = "worker", version = crate::VERSION)]
pub struct Cli {
    /// Configuration file; its name must end in .toml.
    #[arg(
        long,
        global = true,
        env = "UNKEY_CONFIG",
        default_value = "unkey.toml"
    )]
    config: PathBuf,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve until told to stop (the default).
    Serve,
    /// Read the configuration, say everything that is wrong with it, and print what it amounts to.
    CheckConfig {
        /// Refuse keys that this worker does not know.
        #[arg(long)]
        strict: bool,
        /// Print a commented file with every default instead.
        #[arg(long)]
        print_default: bool,
        /// Print a page about every key instead: type, default, rules, meaning.
        #[arg(long, conflicts_with_all = ["strict", "print_default"])]
        reference: bool,
    },
    /// Print the services this worker offers, as Restate will discover them.
    Manifest,
    /// Register this worker with Restate once, and compare what Restate then knows.
    Register {
        /// Address to register instead of the configured `restate.register_as`.
        #[arg(long)]
        uri: Option<String>,
    },
    /// On the way back to the existing worker: write the version counters to where it keeps them.
    HandBack,
    /// Create the database and its tables where they are missing.
    Migrate {
        /// Print the statements and run nothing.
        #[arg(long)]
        print: bool,
    },
    /// The existing command line: `run ctrl worker --config <file>`.
    #[command(hide = true)]
    Run {
        #[arg(value_parser = ["ctrl"])]
        group: String,
        #[arg(value_parser = ["worker"])]
        name: String,
    },
}

/// Runs the command line; errors are printed to stderr and end in exit code 1.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to tell when even this cannot be printed.
            let _printed = error.print();
            return if error.use_stderr() {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let result = match cli.verb {
        None | Some(Verb::Serve | Verb::Run { .. }) => {
            load(&cli.config, false).and_then(|c| on_runtime(serve::serve(c)))
        }
        Some(Verb::CheckConfig {
            print_default: true,
            ..
        }) => {
            print!("{}", config::DEFAULT_TEXT);
            Ok(())
        }
        Some(Verb::CheckConfig {
            reference: true, ..
        }) => {
            print!("{}", reference::page());
            Ok(())
        }
        Some(Verb::CheckConfig { strict, .. }) => {
            load(&cli.config, strict).and_then(|c| commands::check_config(&c))
        }
        Some(Verb::Manifest) => on_runtime(commands::manifest()),
        Some(Verb::Register { uri }) => {
            load(&cli.config, false).and_then(|c| on_runtime(commands::register(c, uri)))
        }
        Some(Verb::HandBack) => {
            load(&cli.config, false).and_then(|c| on_runtime(commands::hand_back(c)))
        }
        Some(Verb::Migrate { print: true }) => {
            commands::print_ddl();
            Ok(())
        }
        Some(Verb::Migrate { .. }) => {
            load(&cli.config, false).and_then(|c| on_runtime(commands::migrate(c)))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    }
}

fn load(path: &std::path::Path, strict: bool) -> Result<Config, String> {
    Config::load_with(path, strict).map_err(|error| match error {
        ConfigError::Extension(_) | ConfigError::Read { .. } => error.to_string(),
        _ => format!("{}: {error}", path.display()),
    })
}

/// A handler is one future with all it awaits, and a build without optimisation copies each of them over the stack: more than
/// the usual 2 MiB for a deployment that is built. Pages that nobody touches cost nothing.
const STACK: usize = 8 << 20;

fn on_runtime<E: std::fmt::Display>(
    work: impl Future<Output = Result<(), E>>,
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime does not start: {error}"))?;
    let result = runtime.block_on(work).map_err(|error| error.to_string());
    // Whatever still runs had its chance to end.
    runtime.shutdown_background();
    result
}
