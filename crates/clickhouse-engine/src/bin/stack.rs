//! The engine for a person or the demo: starts it with the tables, prints one JSON line with its addresses, and stops it
//! when its input ends or it gets SIGTERM.
//!
//! Not for production: everybody on this machine may do everything in it.

use std::process::ExitCode;

use clickhouse_engine::ClickHouse;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

fn main() -> ExitCode {
    testbed::run(async {
        match serve().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("clickhouse-stack: {e}");
                ExitCode::FAILURE
            }
        }
    })
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = ClickHouse::start().await?;
    println!(
        "{}",
        json!({ "clickhouse": { "url": server.native_url(), "http": server.http_url() } })
    );
    tokio::select! {
        _ = input_ends() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Comes true at the end of standard input. The thread goes with the process.
fn input_ends() -> oneshot::Receiver<()> {
    let (open, ended) = oneshot::channel();
    std::thread::spawn(move || {
        // what is said does not matter, only that it ends
        for _ in std::io::stdin().lines().map_while(Result::ok) {}
        drop(open);
    });
    ended
}
