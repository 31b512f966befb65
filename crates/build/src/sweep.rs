//! Builds that nobody ended: their invocation was killed, and with it whatever it had sent ahead. They are told to the builder as
//! cancelled, by one replica at a time.

use crate::Deps;
use crate::finish::{Ended, finish};
use durable::Stop;
use mysql::{lease, now_ms, sql};
use sea_orm::FromQueryResult;
use tokio_util::sync::CancellationToken;

/// Builds of one pass; the next pass takes the others.
const MOST: usize = 100;

#[derive(FromQueryResult)]
struct Open {
    deployment_id: String,
    build_id: String,
}

/// Sweeps until `stop` is cancelled. `holder`: this process, for the lock.
#[expect(
    clippy::disallowed_methods,
    reason = "a task of the process, not of an invocation"
)]
pub async fn run(deps: Deps, holder: String, stop: CancellationToken) {
    if deps.builder.is_none() {
        return;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(deps.timings.sweep_every) => {}
        }
        if let Err(error) = pass(&deps, &holder).await {
            tracing::warn!(%error, "builds that nobody ended could not be looked for");
        }
    }
}

async fn pass(deps: &Deps, holder: &str) -> Result<(), Stop> {
    let Some(builder) = &deps.builder else {
        return Ok(());
    };
    let lease = 3 * deps.timings.sweep_every;
    if !lease::take(&deps.db, "builds", holder, lease).await? {
        return Ok(());
    }
    let before = now_ms().saturating_sub(millis(deps.timings.close_after));
    let open: Vec<Open> = sql::all(
        deps.db.primary(),
        &format!(
            "SELECT b.deployment_id, b.build_id FROM ctrl_worker_builds b LEFT JOIN deployments d ON d.id = b.deployment_id
             WHERE b.finished_at IS NULL AND b.created_at < ?
               AND (b.deadline_at < ? OR d.id IS NULL OR (d.status <> 'building' AND COALESCE(d.updated_at, d.created_at) < ?))
             LIMIT {MOST}"
        ),
        [before.into(), before.into(), before.into()],
    )
    .await?;
    for build in open {
        let told = finish(
            deps,
            builder.as_ref(),
            &build.deployment_id,
            &build.build_id,
            &Ended::Canceled,
        );
        match told.await {
            Ok(()) => tracing::info!(build = build.build_id, "a build nobody had ended is ended"),
            Err(error) => {
                tracing::warn!(build = build.build_id, %error, "a build could not be ended yet")
            }
        }
    }
    Ok(())
}

fn millis(d: std::time::Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}
