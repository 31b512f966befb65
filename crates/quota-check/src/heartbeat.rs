//! The last step: a monitor hears that everybody who had to be told was told.

use crate::run_check::Counts;
use crate::steps;
use durable::{Preset, Stop};
use notify::{Class, Heartbeat};
use restate_sdk::context::ObjectContext;

/// Sends it. The messages stay told whatever becomes of it: a heartbeat that stays away is told by the monitor, and here
/// by the log.
pub(crate) async fn send(ctx: &ObjectContext<'_>, heartbeat: &Heartbeat, counts: &Counts) {
    let sent = durable::run!(
        ctx,
        steps::HEARTBEAT,
        Preset::Outside,
        ping(heartbeat, counts)
    );
    if let Err(stop) = sent {
        tracing::error!(error = %stop, "the heartbeat of the quota check was not sent");
    }
}

/// An address that is refused for good is not tried again.
async fn ping(heartbeat: &Heartbeat, counts: &Counts) -> Result<(), Stop> {
    match heartbeat.ping().await {
        Ok(()) => {}
        Err(error)
            if matches!(
                error.class(),
                Class::Unavailable | Class::RateLimited { .. }
            ) =>
        {
            return Err(Stop::retry(error));
        }
        Err(error) => {
            tracing::error!(%error, "heartbeat.quota_check_url does not take heartbeats: correct it");
        }
    }
    let now = durable::clock::wall_ms() as f64 / 1_000.0;
    let kind = [("kind", "quota-check")];
    metrics::gauge!("ctrl_worker_run_last_success_timestamp_seconds", &kind).set(now);
    metrics::histogram!("ctrl_worker_run_seconds", &kind).record(now - counts.begun as f64);
    metrics::counter!("ctrl_worker_run_items_total", &kind).increment(counts.checked);
    Ok(())
}
