//! The last step: a monitor hears that all keys were walked.

use crate::steps;
use durable::{Preset, Stop};
use notify::{Class, Heartbeat};
use restate_sdk::context::ObjectContext;

/// Sends it. What was done stays done whatever becomes of it: a heartbeat that stays away is told by the monitor, and
/// here by the log.
pub(crate) async fn send(ctx: &ObjectContext<'_>, heartbeat: &Heartbeat) {
    let sent = durable::run!(ctx, steps::HEARTBEAT, Preset::Outside, ping(heartbeat));
    if let Err(stop) = sent {
        tracing::error!(error = %stop, "the heartbeat of the refill was not sent");
    }
}

/// An address that is refused for good is not tried again.
async fn ping(heartbeat: &Heartbeat) -> Result<(), Stop> {
    match heartbeat.ping().await {
        Ok(()) => Ok(()),
        Err(error)
            if matches!(
                error.class(),
                Class::Unavailable | Class::RateLimited { .. }
            ) =>
        {
            Err(Stop::retry(error))
        }
        Err(error) => {
            tracing::error!(%error, "heartbeat.key_refill_url does not take heartbeats: correct it");
            Ok(())
        }
    }
}
