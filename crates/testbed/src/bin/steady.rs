//! A steady load of handler calls through Restate's ingress: one call at each of fixed times, whatever the answers take.
//! Prints how many were answered. Not for how fast a worker can be: `cargo xtask bench`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Longest an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Calls a handler so many times a second, for so long; fails unless every call is answered with success.
#[derive(Debug, Parser)]
struct Args {
    /// What to call: the ingress with service, key and handler.
    #[arg(long)]
    url: String,
    /// The request, JSON.
    #[arg(long)]
    body: String,
    /// Calls a second.
    #[arg(long)]
    rate: u32,
    /// How long.
    #[arg(long)]
    seconds: u32,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match testbed::run(steady(&args)) {
        Ok(calls) => {
            println!("{calls}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn steady(args: &Args) -> Result<u32, String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(ANSWER)
        .build()
        .map_err(|error| causes::chain(&error))?;
    let mut ticks = interval(Duration::from_secs(1) / args.rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    for _ in 0..args.rate * args.seconds {
        ticks.tick().await;
        let call = client
            .post(&args.url)
            .header("content-type", "application/json")
            .body(args.body.clone());
        calls.spawn(async move { call.send().await?.error_for_status() });
    }
    let mut answered = 0;
    while let Some(call) = calls.join_next().await {
        let answer = call.map_err(|error| causes::chain(&error))?;
        answer.map_err(|error| format!("call {answered}: {}", causes::chain(&error)))?;
        answered += 1;
    }
    Ok(answered)
}
