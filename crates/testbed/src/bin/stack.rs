//! The servers of the testbed for a person, the demo and `cargo xtask test`: starts Restate and
//! MariaDB, prints one JSON line with their addresses, and stops everything when its input ends or
//! it gets SIGTERM.
//!
//! Each line on its input is a command, answered by one JSON line: `stop`, `kill`, `start`,
//! `freeze` or `thaw` followed by `restate` or `mysql`; `keep` leaves data and logs at the end.
//! Not for production: the login is public and every port is on loopback.

use std::path::PathBuf;

use clap::Parser;
use serde_json::{Value, json};
use testbed::{MariaDb, MariaDbOptions, Restate, RestateOptions};
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
}

/// What runs.
#[derive(Default)]
struct Stack {
    restate: Option<Restate>,
    mysql: Option<MariaDb>,
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
        started = start(&args) => started?,
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

async fn start(args: &Args) -> Result<(Stack, Value), Box<dyn std::error::Error>> {
    let wanted = |part: &str| args.only.as_deref().is_none_or(|only| only == part);
    let dir = |name: &str| args.dir.as_ref().map(|dir| existing(dir, name));
    let restate = async {
        let options = RestateOptions {
            sync_each_write: args.sync,
            web_ui: args.web_ui,
            dir: dir("restate"),
            ..RestateOptions::default()
        };
        if wanted("restate") {
            Restate::start(options).await.map(Some)
        } else {
            Ok(None)
        }
    };
    let mysql = async {
        let options = MariaDbOptions {
            flush_log_at_trx_commit: if args.sync { 1 } else { 2 },
            dir: dir("mariadb"),
            ..MariaDbOptions::default()
        };
        if wanted("mysql") {
            MariaDb::start(options).await.map(Some)
        } else {
            Ok(None)
        }
    };
    let (restate, mysql) = tokio::try_join!(restate, mysql)?;
    let mut addresses = json!({
        "dir": args.dir.as_deref().unwrap_or(testbed::process_dir()),
        "pid": std::process::id(),
    });
    if let Some(restate) = &restate {
        addresses["restate"] = json!({
            "ingress": restate.ingress_url, "admin": restate.admin_url, "pid": restate.pid(),
        });
    }
    if let Some(mysql) = &mysql {
        let database = testbed::ensure_database(&mysql.url(), "control_plane").await;
        addresses["mysql"] = json!({
            "url": mysql.url(), "address": mysql.addr(), "user": testbed::USER,
            "password": testbed::PASSWORD, "database": database.name, "dsn": database.dsn,
            "pid": mysql.pid(),
        });
    }
    Ok((Stack { restate, mysql }, addresses))
}

/// The folder a server left below `dir` (`restate-0`), or where it shall be.
fn existing(dir: &std::path::Path, name: &str) -> PathBuf {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|e| e.file_name().to_string_lossy().starts_with(name))
        .map(|e| e.path())
        .collect();
    found.sort();
    found.into_iter().next().unwrap_or_else(|| dir.join(name))
}

async fn obey(stack: &mut Stack, line: &str) -> Result<(), String> {
    if line == "keep" {
        testbed::keep_evidence();
        return Ok(());
    }
    let (verb, part) = line
        .split_once(' ')
        .ok_or_else(|| format!("no command {line:?}"))?;
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
