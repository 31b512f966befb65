//! The servers of the testbed for a person, the demo and `cargo xtask test`: starts Restate and
//! MariaDB, on request a simulated edge and a development Vault, prints one JSON line with their
//! addresses, and stops everything when its input ends or it gets SIGTERM.
//!
//! Each line on its input is a command, answered by one JSON line: `stop`, `kill`, `start`,
//! `freeze` or `thaw` followed by `restate` or `mysql`; `stop edge` and `start edge` for the agents
//! of all regions; `dns www.example.test cname x.cname.test` and the like for records of the DNS server; `keep` leaves
//! data and logs at the end.
//! Not for production: the login is public and every port is on loopback.

mod authority;
mod dns;
mod edge;
mod start;

use std::path::PathBuf;

use clap::Parser;
use serde_json::json;
use testbed::{MariaDb, Restate};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Starts the servers the worker needs and prints their addresses as one JSON line.
#[derive(Debug, Parser)]
struct Args {
    /// Start only one of them: `restate` or `mysql`.
    #[arg(long)]
    only: Option<String>,
    /// Use and keep the data in this folder, such as the evidence of a failed test.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Sync every write to disk, as production does.
    #[arg(long)]
    sync: bool,
    /// Serve Restate's web page on its admin port.
    #[arg(long)]
    web_ui: bool,
    /// Simulate the edge in this region, of platform `sim`; may be repeated.
    #[arg(long = "edge", value_name = "REGION", conflicts_with = "only")]
    edge: Vec<String>,
    /// Milliseconds from the order to run until a simulated instance runs.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    ready_after: u64,
    /// Start a development Vault.
    #[arg(long, conflicts_with = "only")]
    vault: bool,
    /// Start a DNS server that knows what the commands on the input tell it.
    #[arg(long, conflicts_with = "only")]
    dns: bool,
    /// Start a certificate authority (Pebble) that asks that DNS server and looks for HTTP-01 answers in the database.
    #[arg(long, requires = "dns")]
    acme: bool,
    /// Make that the newer Pebble, which offers renewal information.
    #[arg(long, requires = "acme")]
    renewal_info: bool,
}

/// What runs.
#[derive(Default)]
struct Stack {
    restate: Option<Restate>,
    mysql: Option<MariaDb>,
    edge: Option<edge::Edge>,
    dns: Option<testbed::DnsServer>,
    _acme: Option<authority::Authority>,
    /// Held for as long as everything runs.
    _vault: Option<vault_dev::Server>,
}

fn main() -> std::process::ExitCode {
    let args = Args::parse();
    // on the testbed's own runtime, as in tests
    testbed::run(async {
        match serve(args).await {
            Ok(()) => std::process::ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("stack: {e}");
                std::process::ExitCode::FAILURE
            }
        }
    })
}

async fn serve(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (mut stack, addresses) = tokio::select! {
        started = start::all(&args) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    println!("{addresses}");
    let mut lines = input();
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
        };
        let Some(line) = line else { break };
        let answer = match obey(&mut stack, line.trim()).await {
            Ok(()) => json!({ "done": line.trim() }),
            Err(e) => json!({ "error": e }),
        };
        println!("{answer}");
    }
    // before its database goes away
    drop(stack.edge.take());
    // politely: a killed MariaDB would have to recover when its folder is used again
    if let Some(mut restate) = stack.restate.take() {
        restate.stop().await;
    }
    if let Some(mut mysql) = stack.mysql.take() {
        mysql.stop().await;
    }
    Ok(())
}

/// The lines of standard input; closed at its end. The thread goes with the process.
fn input() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

async fn obey(stack: &mut Stack, line: &str) -> Result<(), String> {
    if line == "keep" {
        testbed::keep_evidence();
        return Ok(());
    }
    let (verb, part) = line
        .split_once(' ')
        .ok_or_else(|| format!("no command {line:?}"))?;
    if let ("dns", Some(server)) = (verb, &stack.dns) {
        return dns::obey(server, part);
    }
    if let ("edge", Some(edge)) = (part, &mut stack.edge) {
        return match verb {
            "stop" => {
                edge.stop_agents().await;
                Ok(())
            }
            "start" => edge.restart().await.map_err(|e| e.to_string()),
            _ => Err(format!("no command {verb:?} for the edge")),
        };
    }
    match (part, &mut stack.restate, &mut stack.mysql) {
        ("restate", Some(server), _) => match verb {
            "stop" => server.stop().await,
            "kill" => server.kill().await,
            "start" => server.restart().await.map_err(|e| e.to_string())?,
            "freeze" | "thaw" => server.freeze(verb == "freeze"),
            _ => return Err(format!("no command {verb:?}")),
        },
        ("mysql", _, Some(server)) => match verb {
            "stop" => server.stop().await,
            "kill" => server.kill().await,
            "start" => server.restart().await.map_err(|e| e.to_string())?,
            "freeze" | "thaw" => server.freeze(verb == "freeze"),
            _ => return Err(format!("no command {verb:?}")),
        },
        _ => return Err(format!("{part:?} does not run here")),
    }
    Ok(())
}
