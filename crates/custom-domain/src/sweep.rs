//! The task of every worker process that finds domains nobody checks any more: a control API whose send was lost, a
//! cancellation without a new start, a check that ran out of retries. Each gets a new verification; after its window it
//! is verified or failed, never stuck.
//!
//! One replica at a time, guarded by a row. A verification too many only begins a new window.

use crate::Deps;
use crate::timings::millis;
use custom_domain_client::SERVICE;
use durable::Stop;
use messages::hydra::v1::VerifyDomainRequest;
use mysql::{lease, now_ms, sql};
use restate_api::{Admin, Ingress, quoted};
use sea_orm::FromQueryResult;
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// Rows looked at in one pass; the rest waits for the next.
const BATCH: usize = 500;

/// What the sweep needs besides the service's own dependencies.
#[derive(Clone)]
pub struct SweepDeps {
    /// Dependencies of the service; the same value it was made with.
    pub domains: Deps,
    /// Restate's ingress, for new verifications.
    pub ingress: Ingress,
    /// Restate's admin API, for asking after invocations.
    pub admin: Admin,
    /// Names this process in the lock.
    pub holder: String,
}

#[derive(Debug, FromQueryResult)]
struct Silent {
    id: String,
    domain: String,
    invocation_id: Option<String>,
}

#[derive(FromQueryResult)]
struct Oldest {
    kind: String,
    at: i64,
    touched: i64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a task of the process, not a handler: nothing of it is replayed"
)]
/// Runs until `shutdown`. Errors are logged and tried again; it never ends by itself.
pub async fn run(deps: SweepDeps, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(deps.domains.timings.sweep_interval) => {}
        }
        match pass(&deps).await {
            Ok(0) => {}
            Ok(begun) => tracing::warn!(begun, "domains that nobody checked are verified anew"),
            Err(error) => tracing::warn!(%error, "domains could not be swept"),
        }
    }
}

/// One pass: how many verifications were begun. Does nothing when another replica holds the lock.
///
/// # Errors
/// The database or Restate cannot be asked.
pub async fn pass(deps: &SweepDeps) -> Result<usize, Stop> {
    let (timings, now) = (&deps.domains.timings, now_ms());
    let lease = 3 * timings.sweep_interval;
    if !lease::take(&deps.domains.db, "domain sweep", &deps.holder, lease).await? {
        // What this replica saw last must not stand beside what the one that sweeps now sees.
        show_oldest(&[], now);
        return Ok(0);
    }
    oldest(deps, now).await?;
    let silent = silent(deps, now - millis(timings.sweep_after)).await?;
    if silent.is_empty() {
        return Ok(0);
    }
    let in_flight = in_flight(deps, &silent).await?;
    let mut begun = 0;
    for row in silent {
        if in_flight.contains(&row.id) || in_flight.contains(&row.domain.to_lowercase()) {
            continue;
        }
        begin(deps, &row, now).await?;
        begun += 1;
    }
    Ok(begun)
}

/// `ctrl_worker_oldest_active_seconds{kind}`: age of the oldest domain in work, by status; and how long the one that was
/// checked the longest ago has been silent, whatever its age: a domain may be verified anew years later.
async fn oldest(deps: &SweepDeps, now: i64) -> Result<(), Stop> {
    let statement = "SELECT CAST(verification_status AS CHAR) AS kind, MIN(created_at) AS at, \
         MIN(COALESCE(updated_at, created_at)) AS touched FROM custom_domains \
         WHERE verification_status IN ('pending', 'verifying') GROUP BY verification_status";
    let rows: Vec<Oldest> = sql::all(deps.domains.db.primary(), statement, []).await?;
    show_oldest(&rows, now);
    Ok(())
}

fn show_oldest(rows: &[Oldest], now: i64) {
    let touched = rows.iter().map(|row| row.touched).min().unwrap_or(now);
    metrics::gauge!("ctrl_worker_oldest_active_seconds", "kind" => "domain unchecked")
        .set((now - touched) as f64 / 1000.0);
    for (status, kind) in [
        ("pending", "domain pending"),
        ("verifying", "domain verifying"),
    ] {
        let found = rows.iter().find(|row| row.kind == status);
        let age = found.map_or(0, |row| now - row.at);
        metrics::gauge!("ctrl_worker_oldest_active_seconds", "kind" => kind)
            .set(age as f64 / 1000.0);
    }
}

async fn silent(deps: &SweepDeps, before: i64) -> Result<Vec<Silent>, Stop> {
    let statement = format!(
        "SELECT id, domain, invocation_id FROM custom_domains WHERE verification_status IN ('pending', 'verifying') \
         AND COALESCE(updated_at, created_at) < ? ORDER BY pk LIMIT {BATCH}"
    );
    Ok(sql::all(deps.domains.db.primary(), &statement, [before.into()]).await?)
}

/// The keys of these rows, ids and host names, for which Restate has an invocation that is not over.
async fn in_flight(deps: &SweepDeps, rows: &[Silent]) -> Result<BTreeSet<String>, Stop> {
    let keys = rows
        .iter()
        .flat_map(|row| [quoted(&row.id), quoted(&row.domain)]);
    let statement = format!(
        "SELECT DISTINCT target_service_key AS k FROM sys_invocation WHERE target_service_name = {} AND status <> 'completed' \
         AND target_service_key IN ({})",
        quoted(SERVICE),
        keys.collect::<Vec<_>>().join(", ")
    );
    let found = deps.admin.query(&statement).await.map_err(Stop::retry)?;
    let key = |row: &serde_json::Value| row["k"].as_str().map(str::to_owned);
    Ok(found.iter().filter_map(key).collect())
}

/// Sends the verification and gives the row its id, as a control API does.
async fn begin(deps: &SweepDeps, row: &Silent, now: i64) -> Result<(), Stop> {
    // Two replicas that follow each other within one period send it once.
    let period = now / millis(deps.domains.timings.sweep_after).max(1);
    let once = format!("sweep-{}-{period}", row.id);
    let request = VerifyDomainRequest::default();
    let sent = deps
        .ingress
        .send(
            SERVICE,
            row.id.as_str(),
            "VerifyDomain",
            &request,
            Some(&once),
        )
        .await
        .map_err(Stop::retry)?;
    tracing::warn!(
        domain = row.id,
        invocation = sent,
        "nobody checked a domain; its verification begins anew"
    );
    metrics::counter!("ctrl_worker_reconciled_total", "reason" => "domain without a check")
        .increment(1);
    let statement =
        "UPDATE custom_domains SET invocation_id = ? WHERE id = ? AND invocation_id <=> ?";
    let values = [
        sent.into(),
        row.id.as_str().into(),
        row.invocation_id.clone().into(),
    ];
    sql::execute(deps.domains.db.primary(), statement, values).await?;
    Ok(())
}
