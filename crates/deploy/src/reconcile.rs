//! Ends deployments nobody else will end: past their deadline, or with an invocation that is gone. One replica at a
//! time, guarded by a row; every change is a compare-and-set on the deployment's status.

use crate::phase::{ACTIVE, Phase};
use crate::settle;
use crate::timings::millis;
use crate::watch::WatchDeps;
use durable::Stop;
use mysql::sql;
use mysql::{lease, now_ms};
use sea_orm::FromQueryResult;

/// An invocation younger than this may not be visible in Restate's tables yet.
const SETTLE_MS: i64 = 30_000;

#[derive(FromQueryResult)]
struct ActiveRun {
    deployment_id: String,
    status: String,
    /// Empty when the run row was lost.
    invocation_id: String,
    deadline_at: Option<i64>,
    /// Of a lost run: when the row last changed.
    claimed_at: i64,
}

#[derive(FromQueryResult)]
struct IdRow {
    id: String,
}

#[derive(FromQueryResult)]
struct OldestRow {
    kind: String,
    at: i64,
}

/// Why a run is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Overdue,
    Gone,
}

/// One pass; does nothing when another replica holds the lock.
pub(crate) async fn pass(deps: &WatchDeps) -> Result<(), Stop> {
    let timings = &deps.deploy.timings;
    let now = now_ms();
    let lease = 3 * timings.reconcile_interval;
    if !lease::take(&deps.deploy.db, "reconciler", &deps.holder, lease).await? {
        // What this replica saw last must not stand beside what the one that reconciles now sees.
        show_oldest(&[], now);
        return Ok(());
    }
    oldest(deps, now).await?;
    end_runs(deps, now).await?;
    end_orphans(deps, now).await
}

/// `ctrl_worker_oldest_active_seconds{kind}`: how long the oldest deployment in a status has been in it. One that waited
/// an hour for its build is not old when it begins to deploy.
async fn oldest(deps: &WatchDeps, now: i64) -> Result<(), Stop> {
    let rows: Vec<OldestRow> = sql::all(
        deps.deploy.db.primary(),
        &format!(
            "SELECT CAST(d.status AS CHAR) AS kind, CAST(MIN(COALESCE(s.started_at, d.created_at)) AS SIGNED) AS at
             FROM deployments d LEFT JOIN deployment_steps s
               ON s.deployment_id = d.id AND s.step = d.status AND s.ended_at IS NULL
             WHERE d.status IN ({ACTIVE}) GROUP BY d.status"
        ),
        [],
    )
    .await?;
    show_oldest(&rows, now);
    Ok(())
}

fn show_oldest(rows: &[OldestRow], now: i64) {
    for kind in [
        "pending",
        "starting",
        "building",
        "deploying",
        "network",
        "finalizing",
    ] {
        let age = rows
            .iter()
            .find(|r| r.kind == kind)
            .map_or(0, |r| now - r.at);
        metrics::gauge!("ctrl_worker_oldest_active_seconds", "kind" => kind)
            .set(age as f64 / 1000.0);
    }
}

/// Runs in work that are overdue or whose invocation Restate does not have any more.
async fn end_runs(deps: &WatchDeps, now: i64) -> Result<(), Stop> {
    let runs: Vec<ActiveRun> = sql::all(
        deps.deploy.db.primary(),
        "SELECT d.id AS deployment_id, CAST(d.status AS CHAR) AS status, COALESCE(r.invocation_id, '') AS invocation_id, r.deadline_at,
                COALESCE(r.claimed_at, d.updated_at, d.created_at) AS claimed_at
         FROM deployments d LEFT JOIN ctrl_worker_runs r ON r.deployment_id = d.id
         WHERE d.status IN ('starting','building','deploying','network','finalizing') AND r.ended_at IS NULL
         ORDER BY claimed_at LIMIT 10000",
        [],
    )
    .await?;
    if runs.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = runs
        .iter()
        .map(|r| r.invocation_id.as_str())
        .filter(|id| !id.is_empty())
        .collect();
    // When Restate cannot be asked, only deadlines count: an unreachable server is not a lost invocation.
    let known = match deps.admin.invocation_status(&ids).await {
        Ok(known) => Some(known),
        Err(error) => {
            tracing::warn!(%error, "invocations could not be looked up; only overdue deployments are ended");
            None
        }
    };
    let grace = millis(deps.deploy.timings.reconcile_grace);
    let lost_after = lost_after(deps, &runs).await;
    for run in &runs {
        let status = known
            .as_ref()
            .map(|k| k.get(&run.invocation_id).map(String::as_str));
        let Some(verdict) = judge(run, status, now, grace, lost_after) else {
            continue;
        };
        let (text, reason) = match verdict {
            Verdict::Overdue => (
                "The deployment did not finish in time and was ended. Deploy again.",
                "overdue",
            ),
            Verdict::Gone => (
                "The work on this deployment was lost and has been ended. Deploy again.",
                "invocation gone",
            ),
        };
        let phase = phase_of(&run.status);
        if settle::abandon(&deps.deploy.db, &run.deployment_id, phase, text, reason).await? {
            tracing::error!(
                deployment = run.deployment_id,
                reason,
                "reconciler ended a deployment"
            );
            metrics::counter!("ctrl_worker_reconciled_total", "reason" => reason).increment(1);
        }
    }
    Ok(())
}

/// How long a row in work without a run may be silent, in milliseconds. Nothing of ours is silent for longer than the
/// wait for instances; but while any Deploy is in flight the row may belong to the worker before this one, whose
/// longest retry takes a day.
async fn lost_after(deps: &WatchDeps, runs: &[ActiveRun]) -> i64 {
    const ANOTHER_WORKERS: i64 = 25 * 60 * 60 * 1000;
    let timings = &deps.deploy.timings;
    if runs.iter().all(|r| !r.invocation_id.is_empty()) {
        return ANOTHER_WORKERS;
    }
    match deploys_in(deps, "status <> 'completed'").await {
        Ok(false) => millis(timings.ready_timeout) + millis(timings.reconcile_grace),
        Ok(true) => ANOTHER_WORKERS,
        Err(error) => {
            tracing::warn!(%error, "deployments without a run could not be judged");
            ANOTHER_WORKERS
        }
    }
}

/// Whether Restate has a Deploy invocation of this kind (an SQL condition over `sys_invocation`).
async fn deploys_in(deps: &WatchDeps, condition: &str) -> Result<bool, Stop> {
    let sql = format!(
        "SELECT id FROM sys_invocation WHERE target_service_name = 'hydra.v1.DeployService' AND target_handler_name = 'Deploy'
         AND {condition} LIMIT 1"
    );
    Ok(!deps
        .admin
        .query(&sql)
        .await
        .map_err(Stop::retry)?
        .is_empty())
}

/// `status`: outer None = Restate was not asked, inner None = it does not know the invocation.
fn judge(
    run: &ActiveRun,
    status: Option<Option<&str>>,
    now: i64,
    grace: i64,
    lost_after: i64,
) -> Option<Verdict> {
    if run.invocation_id.is_empty() {
        return (now - run.claimed_at > lost_after).then_some(Verdict::Overdue);
    }
    if run
        .deadline_at
        .is_some_and(|at| now > at.saturating_add(grace))
    {
        return Some(Verdict::Overdue);
    }
    let settled = now - run.claimed_at > SETTLE_MS.min(grace);
    match status? {
        None | Some("completed") if settled => Some(Verdict::Gone),
        _ => None,
    }
}

fn phase_of(status: &str) -> Phase {
    match status {
        "building" => Phase::Building,
        "deploying" => Phase::Deploying,
        "network" => Phase::Network,
        "finalizing" => Phase::Finalizing,
        _ => Phase::Starting,
    }
}

/// `pending` rows whose Deploy was never sent: older than the timeout, no run, and no Deploy on its way in Restate.
async fn end_orphans(deps: &WatchDeps, now: i64) -> Result<(), Stop> {
    let orphans: Vec<IdRow> = sql::all(
        deps.deploy.db.primary(),
        "SELECT d.id FROM deployments d LEFT JOIN ctrl_worker_runs r ON r.deployment_id = d.id
         WHERE d.status = 'pending' AND d.created_at < ? AND r.deployment_id IS NULL LIMIT 1000",
        [(now - millis(deps.deploy.timings.pending_timeout)).into()],
    )
    .await?;
    if orphans.is_empty() {
        return Ok(());
    }
    let on_its_way =
        "status IN ('scheduled', 'inboxed', 'pending', 'ready', 'running', 'backing-off')";
    if deploys_in(deps, on_its_way).await? {
        return Ok(());
    }
    for orphan in orphans {
        let text = "The deployment never reached the worker. Deploy again.";
        if settle::abandon(
            &deps.deploy.db,
            &orphan.id,
            Phase::Starting,
            text,
            "never reached the worker",
        )
        .await?
        {
            tracing::error!(
                deployment = orphan.id,
                "reconciler ended a deployment that never reached the worker"
            );
            metrics::counter!("ctrl_worker_reconciled_total", "reason" => "never reached the worker").increment(1);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(deadline_at: Option<i64>, claimed_at: i64) -> ActiveRun {
        ActiveRun {
            deployment_id: "d".into(),
            status: "deploying".into(),
            invocation_id: "inv".into(),
            deadline_at,
            claimed_at,
        }
    }

    #[test]
    fn a_run_ends_when_overdue_or_gone_and_not_before() {
        let now = 1_000_000;
        let grace = 120_000;
        let old = now - 60_000;
        assert_eq!(
            judge(
                &run(Some(now - 120_001), old),
                Some(Some("suspended")),
                now,
                grace,
                1_020_000
            ),
            Some(Verdict::Overdue)
        );
        assert_eq!(
            judge(
                &run(Some(now - 120_000), old),
                Some(Some("suspended")),
                now,
                grace,
                1_020_000
            ),
            None
        );
        assert_eq!(
            judge(&run(Some(now), old), Some(None), now, grace, 1_020_000),
            Some(Verdict::Gone)
        );
        assert_eq!(
            judge(
                &run(Some(now), old),
                Some(Some("completed")),
                now,
                grace,
                1_020_000
            ),
            Some(Verdict::Gone)
        );
        assert_eq!(
            judge(&run(Some(now), old), None, now, grace, 1_020_000),
            None,
            "Restate unreachable"
        );
        assert_eq!(
            judge(
                &run(Some(now), now - 1_000),
                Some(None),
                now,
                grace,
                1_020_000
            ),
            None,
            "too young to be visible"
        );
        let lost = |claimed_at| ActiveRun {
            invocation_id: String::new(),
            ..run(None, claimed_at)
        };
        assert_eq!(
            judge(&lost(now - 1_020_000), None, now, grace, 1_020_000),
            None,
            "may still be waiting"
        );
        assert_eq!(
            judge(&lost(now - 1_020_001), None, now, grace, 1_020_000),
            Some(Verdict::Overdue)
        );
        for status in ["running", "suspended", "backing-off", "paused"] {
            assert_eq!(
                judge(
                    &run(Some(now), old),
                    Some(Some(status)),
                    now,
                    grace,
                    1_020_000
                ),
                None,
                "{status}"
            );
        }
    }
}
