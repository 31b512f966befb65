//! `vault-dev`: the development Vault as a process.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use vault_dev::{MasterKey, Options, Reroll, Server};

/// A Vault for development: same wire and storage as the real one, in a directory.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve until told to stop.
    Serve(Source),
    /// Seal every stored key with the current master key; then the previous one can be taken away.
    Reroll {
        #[command(flatten)]
        source: Source,
        /// Only count.
        #[arg(long)]
        dry_run: bool,
        /// Begin behind this object: `last` of a run that was cut short.
        #[arg(long, default_value = "")]
        after: String,
    },
    /// Print a new master key for the configuration.
    GenerateKey,
}

#[derive(Args)]
struct Source {
    /// Configuration file; without it the flags below.
    #[arg(long, conflicts_with_all = ["data", "token", "listen"])]
    config: Option<PathBuf>,
    /// Directory of the sealed keys; the master key is kept beside it.
    #[arg(long, required_unless_present = "config")]
    data: Option<PathBuf>,
    /// Bearer token of the callers.
    #[arg(
        long,
        env = "VAULT_DEV_TOKEN",
        hide_env_values = true,
        required_unless_present = "config"
    )]
    token: Option<String>,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8060")]
    listen: SocketAddr,
}

impl Source {
    fn options(&self) -> Result<Options, Box<dyn Error>> {
        match (&self.config, &self.data, &self.token) {
            (Some(path), ..) => Ok(vault_dev::load(path)?),
            (None, Some(data), Some(token)) => Ok(Options {
                listen: self.listen,
                ..Options::on_disk(token, data.as_path())?
            }),
            _ => Err("give --config, or --data and --token".into()),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let done = match Cli::parse().verb {
        Verb::Serve(source) => serve(&source).await,
        Verb::Reroll {
            source,
            dry_run,
            after,
        } => reroll(&source, Reroll { dry_run, after }).await,
        Verb::GenerateKey => {
            println!("{}", MasterKey::generate().to_config().as_str());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(inner) = cause {
                text.push_str(&format!(": {inner}"));
                cause = inner.source();
            }
            eprintln!("vault-dev: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(source: &Source) -> Result<(), Box<dyn Error>> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let server = Server::start(source.options()?).await?;
    if let Some(generated) = server.generated() {
        println!(
            "master key, drawn now and shown this once: {}",
            generated.master_key.as_str()
        );
        match &generated.file {
            Some(file) => println!("kept in {}", file.display()),
            None => println!("kept nowhere: what is sealed ends with this process"),
        }
    }
    println!("listening on {}", server.url());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    server.stop().await;
    Ok(())
}

async fn reroll(source: &Source, run: Reroll) -> Result<(), Box<dyn Error>> {
    let options = source.options()?;
    let (engine, _) = vault_dev::engine(&options.master, &options.storage, &options.limits).await?;
    let verb = if run.dry_run {
        "to seal anew"
    } else {
        "sealed anew"
    };
    let done = engine
        .reroll(&run, |so_far| {
            println!(
                "{} seen, {} {verb}, last {}",
                so_far.seen, so_far.changed, so_far.last
            )
        })
        .await?;
    println!(
        "done: {} seen, {} {verb}, {} failed",
        done.seen,
        done.changed,
        done.failed.len()
    );
    for (object, why) in &done.failed {
        eprintln!("{object}: {why}");
    }
    if done.failed.is_empty() {
        Ok(())
    } else {
        Err("some keys stay as they were".into())
    }
}
