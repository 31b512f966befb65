//! The signals that end the process.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancelled by the first SIGTERM or SIGINT; the second ends the process where it stands.
///
/// # Errors
/// The system does not let us listen for signals.
pub fn stop() -> Result<CancellationToken, String> {
    let wanted = |kind| signal(kind).map_err(|e| format!("signals cannot be received: {e}"));
    let (mut terminate, mut interrupt) = (
        wanted(SignalKind::terminate())?,
        wanted(SignalKind::interrupt())?,
    );
    let token = CancellationToken::new();
    let first = token.clone();
    tokio::spawn(async move {
        for count in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if count > 0 {
                tracing::warn!("second signal: ending at once");
                std::process::exit(1);
            }
            first.cancel();
        }
    });
    Ok(token)
}
