//! Deployments that a newer push of their branch leaves behind are ended before they cost a build.

use crate::{Deps, Patience, steps};
use durable::Stop;
use restate_sdk::prelude::*;

/// Most that are ended for one push; there are never more but after an outage.
const MOST: usize = 20;

/// Ends what can be ended. Restate being unreachable is no reason not to deploy the newer one.
pub(crate) async fn supersede(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    older: &[String],
    by: &str,
) -> Result<(), Stop> {
    for id in older.iter().take(MOST) {
        let ended = durable::run!(
            ctx,
            steps::SUPERSEDE,
            Patience(deps.timings.supersede),
            cancellation::supersede(&deps.db, &deps.admin, id, by)
        );
        match ended {
            Ok(true) => tracing::info!(deployment = id, by, "superseded"),
            Ok(false) => {}
            Err(stop) if stop.is_cancelled() => return Err(stop),
            Err(stop) => {
                tracing::warn!(deployment = id, by, error = %stop, "an older deployment could not be ended and runs on");
                break;
            }
        }
    }
    Ok(())
}
