//! The task of every worker process that wakes waiting deployments: one statement finds who can go on, their
//! awakeables are resolved through ingress, and every few seconds the reconciler ends what nobody will end.
//!
//! A double resolve is harmless and a lost one is repeated, so any number of replicas may run it.

use crate::timings::Timings;
use crate::{Deps, ready, reconcile};
use futures::StreamExt;
use mysql::sql;
use restate_api::{Admin, Ingress};
use sea_orm::FromQueryResult;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Resolves in flight at a time.
const PARALLEL: usize = 64;

/// What the watcher needs besides the service's own dependencies.
#[derive(Clone)]
pub struct WatchDeps {
    /// Dependencies of DeployService; the same value the service was made with.
    pub deploy: Deps,
    /// Restate's ingress, for resolving awakeables.
    pub ingress: Ingress,
    /// Restate's admin API, for asking after invocations.
    pub admin: Admin,
    /// Names this process in the reconciler's lock.
    pub holder: String,
}

#[derive(FromQueryResult)]
struct CountRow {
    n: i64,
}

/// Runs until `shutdown`. Errors are logged and tried again; it never ends by itself.
pub async fn run(deps: WatchDeps, shutdown: CancellationToken) {
    let timings = &deps.deploy.timings;
    let mut told: BTreeMap<String, Instant> = BTreeMap::new();
    let mut reconcile_at = Instant::now() + timings.reconcile_interval;
    let mut youngest = None;
    while !shutdown.is_cancelled() {
        let waiting = match look(&deps, &mut told).await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::warn!(%error, "waiting deployments could not be looked at");
                timings.watch_full
            }
        };
        if Instant::now() >= reconcile_at {
            if let Err(error) = reconcile::pass(&deps).await {
                tracing::warn!(%error, "reconciler pass failed");
            }
            reconcile_at = Instant::now() + timings.reconcile_interval;
        }
        rest(&deps, waiting, &mut youngest, &shutdown).await;
    }
}

/// Returns when it is time for the next look. Who begins to wait meanwhile brings it nearer.
async fn rest(
    deps: &WatchDeps,
    waiting: usize,
    youngest: &mut Option<Instant>,
    shutdown: &CancellationToken,
) {
    let begun = Instant::now();
    loop {
        let age = youngest.map(|at| at.elapsed());
        let until = begun + pause(&deps.deploy.timings, waiting, age);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep_until(until) => return,
            () = deps.deploy.bell.notified() => {
                *youngest = Some(Instant::now());
                // A deployment has looked itself just before: only the very first one calls for a look at once.
                if waiting == 0 {
                    return;
                }
            }
        }
    }
}

/// Pause until the next look, by the number that waits and how long ago the last one of this process began to. An edge
/// that is fast is asked often, one that takes minutes is not: a look comes late by a quarter of the wait at most.
fn pause(t: &Timings, waiting: usize, youngest: Option<Duration>) -> Duration {
    if waiting == 0 {
        return t.watch_max;
    }
    let share = (waiting as f64 / t.watch_full.max(1) as f64).min(1.0);
    let few = match youngest {
        Some(age) => (age / 4).clamp(t.watch_first.min(t.watch_min), t.watch_min),
        None => t.watch_min,
    };
    few + (t.watch_max.saturating_sub(t.watch_min)).mul_f64(share)
}

async fn look(
    deps: &WatchDeps,
    told: &mut BTreeMap<String, Instant>,
) -> Result<usize, mysql::DbError> {
    let db = deps.deploy.db.primary();
    let count: Option<CountRow> =
        sql::one(db, "SELECT COUNT(*) AS n FROM ctrl_worker_waits", []).await?;
    let waiting = usize::try_from(count.map_or(0, |c| c.n)).unwrap_or(0);
    metrics::gauge!("ctrl_worker_waiting_deployments").set(waiting as f64);
    told.retain(|_, at| at.elapsed() < deps.deploy.timings.watch_resend);
    if waiting == 0 {
        return Ok(0);
    }
    let ready: Vec<String> = ready::ready_waiters(db)
        .await?
        .into_iter()
        .map(|w| w.awakeable_id)
        .filter(|id| !told.contains_key(id))
        .collect();
    let told_now: Vec<String> = futures::stream::iter(ready)
        .map(|id| async move {
            match deps
                .ingress
                .resolve_awakeable(&id, &serde_json::Value::Bool(true))
                .await
            {
                Ok(()) => Some(id),
                Err(error) => {
                    tracing::warn!(%error, "a ready deployment could not be woken; trying again");
                    None
                }
            }
        })
        .buffer_unordered(PARALLEL)
        .filter_map(std::future::ready)
        .collect()
        .await;
    told.extend(told_now.into_iter().map(|id| (id, Instant::now())));
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG_AGO: Option<Duration> = Some(Duration::from_secs(60));

    #[test]
    fn the_pause_grows_with_the_number_that_waits() {
        let t = Timings::default();
        for youngest in [None, LONG_AGO] {
            assert_eq!(pause(&t, 1, youngest).as_millis() / 10, 5);
            assert!(pause(&t, 100, youngest) < Duration::from_millis(75));
            assert_eq!(pause(&t, 5_000, youngest), Duration::from_secs(1));
            assert_eq!(pause(&t, 50_000, youngest), Duration::from_secs(1));
        }
        assert_eq!(
            pause(&t, 0, LONG_AGO),
            Duration::from_secs(1),
            "woken by the bell instead"
        );
    }

    #[test]
    fn the_pause_follows_the_age_of_the_youngest_wait() {
        let t = Timings::default();
        let at = |ms| pause(&t, 1, Some(Duration::from_millis(ms))).as_millis();
        assert_eq!([at(0), at(80), at(160), at(1_000)], [10, 20, 40, 50]);
        let thousands = pause(&t, 5_000, Some(Duration::ZERO));
        assert!(thousands > Duration::from_millis(900), "{thousands:?}");
    }
}
