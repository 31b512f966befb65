//! `ctl doctor`: everything an alert looks at, looked at by hand: what is wrong, where, and what to do. It changes nothing.
//!
//! Every check is bounded in time. What cannot be asked fails; what depends on it is left out, so that one cause is told
//! once. Not for mending: each finding names the command.

mod invocations;
mod jobs;
mod patient;
mod report;
mod rows;
mod servers;
mod statuses;
mod workers;

use std::future::Future;
use std::time::Duration;

use crate::cli::{Addresses, Doctor};
use crate::failure::Failure;
use crate::output::Output;
use patient::Patient;
use report::{Check, Report, Verdict};

pub(crate) async fn run(
    addresses: Addresses,
    output: Output,
    doctor: Doctor,
) -> Result<(), Failure> {
    let limit = Duration::from_secs(doctor.timeout);
    let patient = Patient::new(addresses, &doctor).await?;
    let report = examine(&patient, limit).await;
    output.say(&report);
    match report.failed().as_slice() {
        [] => Ok(()),
        failed => Err(Failure::Unhealthy(format!(
            "not well: {}",
            failed.join(", ")
        ))),
    }
}

/// First what everything else needs, then the rest, side by side.
async fn examine(patient: &Patient, limit: Duration) -> Report {
    let (admin, ingress, mysql, vault, clickhouse) = tokio::join!(
        bounded("admin", limit, servers::admin(patient)),
        bounded("ingress", limit, servers::ingress(patient)),
        bounded("mysql", limit, servers::mysql(patient)),
        bounded("vault", limit, servers::vault(patient)),
        bounded("clickhouse", limit, servers::clickhouse(patient)),
    );
    let restate = answers(&admin).then_some(patient);
    let database = answers(&mysql).then_some(patient);
    let ingress_too = restate.filter(|_| answers(&ingress));
    let both = restate.and(database);
    let mut checks = vec![admin, ingress, mysql, vault, clickhouse];
    let (tables, workers, calls, invocations, statuses, deployments, rows, jobs) = tokio::join!(
        after(database, "tables", limit, servers::tables(patient)),
        many(restate, workers::NAMES, limit, workers::look(patient)),
        after(ingress_too, "calls", limit, servers::calls(patient)),
        many(
            restate,
            invocations::NAMES,
            limit,
            invocations::look(patient)
        ),
        after(restate, statuses::NAME, limit, statuses::look(patient)),
        after(both, "deployments", limit, rows::deployments(patient)),
        many(database, rows::NAMES, limit, rows::look(patient)),
        after(database, "jobs", limit, jobs::look(patient)),
    );
    checks.push(tables);
    checks.extend(workers);
    checks.push(calls);
    checks.extend(invocations);
    checks.push(statuses);
    checks.push(deployments);
    checks.extend(rows);
    checks.push(jobs);
    Report::of(checks)
}

fn answers(check: &Check) -> bool {
    check.verdict == Verdict::Ok
}

/// A check that only makes sense once what it asks has answered.
async fn after(
    ready: Option<&Patient>,
    name: &'static str,
    limit: Duration,
    look: impl Future<Output = Check>,
) -> Check {
    match ready {
        Some(_) => bounded(name, limit, look).await,
        None => Check::skipped(name, LEFT_OUT),
    }
}

/// Several checks that ask together.
async fn many<const N: usize>(
    ready: Option<&Patient>,
    names: [&'static str; N],
    limit: Duration,
    look: impl Future<Output = [Check; N]>,
) -> [Check; N] {
    if ready.is_none() {
        return names.map(|name| Check::skipped(name, LEFT_OUT));
    }
    match tokio::time::timeout(limit, look).await {
        Ok(checks) => checks,
        Err(_) => names.map(|name| too_late(name, limit)),
    }
}

async fn bounded(name: &'static str, limit: Duration, look: impl Future<Output = Check>) -> Check {
    match tokio::time::timeout(limit, look).await {
        Ok(check) => check,
        Err(_) => too_late(name, limit),
    }
}

fn too_late(name: &'static str, limit: Duration) -> Check {
    Check::failed(
        name,
        format!("no answer within {} s", limit.as_secs()),
        "it hangs or is very slow: look at its own log and load; `--timeout` waits longer",
    )
}

/// Why a check that needs others is not made.
const LEFT_OUT: &str = "not looked at: what it asks does not answer";
