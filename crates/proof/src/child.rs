//! The worker process that is killed: every service as the worker binds it, its background tasks, and the listener
//! for faults at run steps.
//!
//! Unlike the worker it knows the neighbours that only the harness serves, and a source of request counts. Not for
//! registration: the proxy's address was registered before.

use std::path::Path;
use std::sync::Arc;

use config::Config;
use mysql::Db;
use request_counts::{CountFuture, CountQuery, RequestCounts};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Nobody ever called any deployment.
struct NoRequests;

impl RequestCounts for NoRequests {
    fn count<'a>(&'a self, _: CountQuery<'a>) -> CountFuture<'a> {
        Box::pin(std::future::ready(Ok(0)))
    }
}

/// Serves until standard input is closed. Prints one line of JSON: where it serves and where faults are set.
///
/// # Errors
/// What keeps it from serving, in words.
pub async fn serve(config: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(config).map_err(|e| format!("{}: {e}", config.display()))?;
    let config = Config::parse(&text, false, &|_| None).map_err(|e| e.to_string())?;
    let db = Db::connect(&worker::connect::options(&config).lazy())
        .await
        .map_err(|e| e.to_string())?;
    let mut deps = worker::services::Deps::new(config, db).await?;
    deps.deploy.counts = Arc::new(NoRequests);

    let faults = listen_for_faults()?;
    let endpoint = worker::services::endpoint(&deps, &[])?;
    let served = testbed::listen(endpoint).await.map_err(|e| e.to_string())?;
    let stop = CancellationToken::new();
    for (name, task) in worker::background::all(&deps, &stop) {
        tokio::spawn(async move {
            if let Err(error) = task.await {
                eprintln!("{name}: {error}");
            }
        });
    }
    println!(
        "{}",
        json!({ "address": served.addr.to_string(), "faults": faults })
    );
    // whoever started this process and is gone has no use for it
    let closed =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    let _closed = closed.await;
    Ok(())
}

#[cfg(feature = "faults")]
fn listen_for_faults() -> Result<Option<String>, String> {
    let address = durable::faults::listen_from_env().map_err(|e| e.to_string())?;
    Ok(address.map(|a| a.to_string()))
}

#[cfg(not(feature = "faults"))]
fn listen_for_faults() -> Result<Option<String>, String> {
    Ok(None)
}
