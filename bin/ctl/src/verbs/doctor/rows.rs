//! Rows that are past their deadline: work that somebody should have ended. The deadlines are those of the reconciler and of
//! the sweeps, which end such rows; here they are left alone.

use std::time::Duration;

use causes::chain;
use mysql::{Db, DbError, now_ms, sql};
use sea_orm::FromQueryResult;

use super::patient::Patient;
use super::report::{Check, Finding};
use crate::text::one_line;

pub(super) const NAMES: [&str; 3] = ["domains", "builds", "certificates"];

/// Rows told of one by one.
const SHOWN: u32 = 20;
/// An invocation younger than this may not be visible in Restate's tables yet.
const SETTLE: Duration = Duration::from_secs(30);
/// After its deadline a build is ended at the builder by a sweep; this is well above the sweep's own patience.
const BUILD_GRACE: Duration = Duration::from_secs(5 * 60);
/// A certificate that is due is started by the daily sweep.
const DUE_GRACE: Duration = Duration::from_secs(30 * 60 * 60);
const DAY: i64 = 86_400_000;

#[derive(FromQueryResult)]
struct InWork {
    id: String,
    status: String,
    /// Empty without a run.
    invocation_id: String,
    deadline_at: Option<i64>,
    since: i64,
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    about: String,
    at: i64,
}

#[derive(FromQueryResult)]
struct Certificate {
    hostname: String,
    reason: String,
    renew_at: i64,
    expires_at: i64,
    failures: i32,
}

/// Deployments that are in work by their row: past their deadline, without anybody who works on them, or never begun.
pub(super) async fn deployments(patient: &Patient) -> Check {
    let name = "deployments";
    let Some(db) = &patient.db else {
        return Check::skipped(name, "no database was named");
    };
    let rows = match in_work(db).await {
        Ok(rows) => rows,
        Err(error) => return Check::failed(name, chain(&error), "see `mysql` and `tables`"),
    };
    let ids: Vec<&str> = rows
        .iter()
        .map(|row| row.invocation_id.as_str())
        .filter(|id| !id.is_empty())
        .collect();
    let known = match patient.admin.invocation_status(&ids).await {
        Ok(known) => known,
        Err(error) => return Check::failed(name, chain(&error), "see `admin`"),
    };
    let now = now_ms();
    let timings = deploy::Timings {
        pending_timeout: patient.pending_timeout,
        ..deploy::Timings::default()
    };
    let found = rows
        .iter()
        .filter_map(|row| {
            let status = known.get(&row.invocation_id).map(String::as_str);
            let what = judge(row, status, now, &timings)?;
            let cure = "the reconciler of a worker ends it within a minute. Still there then: see `workers` and \
                        docs/runbooks/DeploymentStuck.md; by hand: ctl cancel";
            Some(Finding::fail(&row.id, what, format!("{cure} {}", row.id)))
        })
        .collect();
    let fine = format!("{} in work, all within their time", rows.len());
    Check::of(name, fine, found)
}

async fn in_work(db: &Db) -> Result<Vec<InWork>, DbError> {
    let statement = "SELECT d.id, CAST(d.status AS CHAR) AS status, COALESCE(r.invocation_id, '') AS invocation_id, r.deadline_at, \
         CAST(COALESCE(r.claimed_at, IF(d.status = 'pending', d.created_at, COALESCE(d.updated_at, d.created_at))) AS SIGNED) AS since \
         FROM deployments d LEFT JOIN ctrl_worker_runs r ON r.deployment_id = d.id \
         WHERE d.status IN ('pending', 'starting', 'building', 'deploying', 'network', 'finalizing') AND r.ended_at IS NULL \
         ORDER BY since LIMIT 1000";
    sql::all(db.primary(), statement, []).await
}

/// What is wrong with a deployment in work; `known`: how Restate sees its invocation.
fn judge(row: &InWork, known: Option<&str>, now: i64, timings: &deploy::Timings) -> Option<String> {
    let age = now - row.since;
    let grace = millis(timings.reconcile_grace);
    let minutes = age / 60_000;
    if row.invocation_id.is_empty() {
        let longest = match row.status.as_str() {
            "pending" => timings.pending_timeout,
            _ => timings.ready_timeout,
        };
        return (age > millis(longest) + grace).then(|| {
            format!(
                "is `{}` for {minutes} min, and no invocation has taken it",
                row.status
            )
        });
    }
    if let Some(deadline) = row.deadline_at.filter(|at| now > at.saturating_add(grace)) {
        let late = (now - deadline) / 60_000;
        return Some(format!("is `{}`, {late} min past its deadline", row.status));
    }
    let over = matches!(known, None | Some("completed"));
    (over && age > millis(SETTLE)).then(|| {
        let how = known.map_or("unknown to Restate: killed, or lost", |_| "over");
        format!(
            "is `{}`, but its invocation {} is {how}: nobody works on it",
            row.status, row.invocation_id
        )
    })
}

pub(super) async fn look(patient: &Patient) -> [Check; 3] {
    let Some(db) = &patient.db else {
        return NAMES.map(|name| Check::skipped(name, "no database was named"));
    };
    let failed =
        |name, error: &DbError| Check::failed(name, chain(error), "see `mysql` and `tables`");
    let (domains, builds, certificates) = tokio::join!(domains(db), builds(db), certificates(db));
    [
        domains.unwrap_or_else(|e| failed(NAMES[0], &e)),
        builds.unwrap_or_else(|e| failed(NAMES[1], &e)),
        certificates.unwrap_or_else(|e| failed(NAMES[2], &e)),
    ]
}

/// Domains that wait to be verified and that nobody checks.
async fn domains(db: &Db) -> Result<Check, DbError> {
    let timings = custom_domain::Timings::default();
    let now = now_ms();
    let silent = millis(timings.sweep_after + 2 * timings.sweep_interval);
    let statement = format!(
        "SELECT domain AS id, CAST(verification_status AS CHAR) AS about, COALESCE(updated_at, created_at) AS at \
         FROM custom_domains WHERE verification_status IN ('pending', 'verifying') \
         AND COALESCE(updated_at, created_at) < ? ORDER BY at LIMIT {SHOWN}"
    );
    let rows: Vec<Row> = sql::all(db.primary(), &statement, [(now - silent).into()]).await?;
    let finding = |row: Row| {
        let minutes = (now - row.at) / 60_000;
        Finding::fail(
            &row.id,
            format!("is `{}` and was not checked for {minutes} min", row.about),
            format!(
                "the sweep of a worker begins anew within two minutes. Still there then: ctl domains retry {}",
                row.id
            ),
        )
    };
    Ok(Check::of(
        NAMES[0],
        "every domain in work is checked",
        rows.into_iter().map(finding).collect(),
    ))
}

/// Builds that are past their time and that the builder was not told of.
async fn builds(db: &Db) -> Result<Check, DbError> {
    let now = now_ms();
    let statement = format!(
        "SELECT deployment_id AS id, build_id AS about, deadline_at AS at FROM ctrl_worker_builds \
         WHERE finished_at IS NULL AND deadline_at < ? ORDER BY at LIMIT {SHOWN}"
    );
    let before = now - millis(BUILD_GRACE);
    let rows: Vec<Row> = sql::all(db.primary(), &statement, [before.into()]).await?;
    let finding = |row: Row| {
        let late = (now - row.at) / 60_000;
        Finding::fail(
            &row.id,
            format!("its build {} is {late} min past its time", row.about),
            "the build sweep of a worker ends it; it cannot reach the builder: see the worker's log, \"could not be ended\"",
        )
    };
    Ok(Check::of(
        NAMES[1],
        "none is past its time",
        rows.into_iter().map(finding).collect(),
    ))
}

/// Certificates that are about to end, that are due and not started, or that cannot be obtained.
async fn certificates(db: &Db) -> Result<Check, DbError> {
    let now = now_ms();
    let statement = format!(
        "SELECT hostname, reason, renew_at, expires_at, failures FROM ctrl_worker_renewals \
         WHERE (expires_at > 0 AND expires_at < ?) OR renew_at < ? OR failures > 0 ORDER BY renew_at LIMIT {SHOWN}"
    );
    let due = now - millis(DUE_GRACE);
    let values = [(now + 7 * DAY).into(), due.into()];
    let rows: Vec<Certificate> = sql::all(db.primary(), &statement, values).await?;
    let found = rows.iter().map(|row| certificate(row, now, due)).collect();
    Ok(Check::of(
        NAMES[2],
        "none is late, failing or about to end",
        found,
    ))
}

fn certificate(row: &Certificate, now: i64, due: i64) -> Finding {
    let cure = format!(
        "why: ctl certificates show {0}; then ctl certificates renew {0}",
        row.hostname
    );
    let held = row.expires_at > 0;
    let days = (row.expires_at - now) / DAY;
    let end = if !held {
        "there is none yet".to_owned()
    } else if row.expires_at < now {
        "it has ended".to_owned()
    } else {
        format!("it ends in {days} days")
    };
    let why = match row.failures {
        0 => String::new(),
        failures => format!(", {failures} attempts failed ({})", one_line(&row.reason)),
    };
    let late = if row.renew_at < due {
        format!(
            ", due for {} h and not begun",
            (now - row.renew_at) / 3_600_000
        )
    } else {
        String::new()
    };
    let what = format!("{end}{why}{late}");
    if row.renew_at < due || (held && days < 3) {
        Finding::fail(&row.hostname, what, cure)
    } else {
        Finding::warn(&row.hostname, what, cure)
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    const NOW: i64 = 1_772_409_600_000;
    const MINUTE: i64 = 60_000;

    fn row(status: &str, invocation: &str, deadline_at: Option<i64>, minutes: i64) -> InWork {
        InWork {
            id: "d_1".to_owned(),
            status: status.to_owned(),
            invocation_id: invocation.to_owned(),
            deadline_at,
            since: NOW - minutes * MINUTE,
        }
    }

    #[test]
    fn a_deployment_is_told_of_when_the_reconciler_would_end_it_and_not_before() {
        let timings = deploy::Timings::default();
        let said = |row: &InWork, known| judge(row, known, NOW, &timings);
        let running = row("deploying", "inv", Some(NOW), 5);
        for status in ["running", "suspended", "backing-off", "paused"] {
            assert_eq!(said(&running, Some(status)), None, "{status}");
        }
        let gone = said(&running, None).expect("killed");
        assert!(gone.contains("nobody works on it"), "{gone}");
        assert!(said(&running, Some("completed")).is_some());
        assert_eq!(
            said(&row("deploying", "inv", None, 0), None),
            None,
            "too young"
        );
        let late = row("deploying", "inv", Some(NOW - 3 * MINUTE), 30);
        let text = said(&late, Some("suspended")).expect("late");
        assert_eq!(text, "is `deploying`, 3 min past its deadline");
        assert_eq!(said(&row("pending", "", None, 11), None), None);
        assert!(said(&row("pending", "", None, 13), None).is_some());
        assert_eq!(said(&row("network", "", None, 16), None), None);
        assert!(said(&row("network", "", None, 18), None).is_some());
    }

    #[test]
    fn a_certificate_near_its_end_fails_and_a_failed_attempt_deserves_a_look() {
        let row = |expires: i64, renew: i64, failures| Certificate {
            hostname: "a.test".to_owned(),
            reason: "proof".to_owned(),
            renew_at: NOW + renew * DAY,
            expires_at: NOW + expires * DAY,
            failures,
        };
        let due = NOW - millis(DUE_GRACE);
        let tried = certificate(&row(20, 1, 2), NOW, due);
        assert_eq!(
            (tried.verdict, tried.what.as_str()),
            (
                Verdict::Warn,
                "it ends in 20 days, 2 attempts failed (proof)"
            )
        );
        assert_eq!(certificate(&row(2, 1, 0), NOW, due).verdict, Verdict::Fail);
        let late = certificate(&row(30, -2, 0), NOW, due);
        assert_eq!(
            (late.verdict, late.what.as_str()),
            (
                Verdict::Fail,
                "it ends in 30 days, due for 48 h and not begun"
            )
        );
    }
}
