//! The periodic jobs: when each last succeeded, from the copy the scheduler keeps in MySQL.

use causes::chain;
use mysql::entity::ctrl_worker_jobs as jobs;
use mysql::now_ms;
use scheduler_client::JOBS;
use sea_orm::EntityTrait;

use super::patient::Patient;
use super::report::{Check, Finding, short};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How old the last success may be; the alerts in deploy/alerts/jobs.yaml have the same limits.
fn limit(job: &str) -> i64 {
    match job {
        "key-last-used-sync" => 15 * MINUTE,
        "idle-scale-down" => HOUR,
        "certificate-renewal" => 26 * HOUR,
        _ => 25 * HOUR,
    }
}

pub(super) async fn look(patient: &Patient) -> Check {
    let Some(db) = &patient.db else {
        return Check::skipped("jobs", "no database was named");
    };
    let rows = match jobs::Entity::find().all(db.primary()).await {
        Ok(rows) => rows,
        Err(error) => return Check::failed("jobs", chain(&error), "see `mysql` and `tables`"),
    };
    let now = now_ms();
    let found = JOBS
        .into_iter()
        .filter_map(|job| judge(job, rows.iter().find(|row| row.job == job), now))
        .collect();
    let on = rows.iter().filter(|row| row.active).count();
    Check::of(
        "jobs",
        format!("{on} of {} run, all on time", JOBS.len()),
        found,
    )
}

fn judge(job: &str, row: Option<&jobs::Model>, now: i64) -> Option<Finding> {
    let Some(row) = row else {
        let what = "was never armed";
        let cure = "a worker arms it within a second of its start: see `workers`";
        return Some(Finding::warn(job, what, cure));
    };
    if row.paused {
        let cure = format!("who paused it, and is it still needed? ctl jobs resume {job}");
        return Some(Finding::warn(job, "is paused", cure));
    }
    if !row.active {
        // off by configuration, and `ctl jobs` says why
        return None;
    }
    let error = row.error.as_deref().filter(|error| !error.is_empty());
    let error = error.map_or_else(String::new, |error| format!(": {}", short(error)));
    let why = format!("ctl jobs shows how its last run ended; ctl jobs run {job} runs it now");
    let since = row.last_success_at.or(row.armed_at).unwrap_or(now);
    if now - since > limit(job) {
        let age = (now - since) / MINUTE;
        let what = format!("has not succeeded for {age} min{error}");
        return Some(Finding::fail(job, what, why));
    }
    if row
        .unfinished_since
        .is_some_and(|since| now - since > 2 * HOUR)
    {
        let cure = "its run is on its way since then: see `paused` and `backing-off`";
        return Some(Finding::fail(
            job,
            "is due for more than two hours and not done",
            cure,
        ));
    }
    let failed = matches!(row.outcome.as_deref(), Some("failed" | "lost"));
    failed.then(|| Finding::warn(job, format!("its last run failed{error}"), why))
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    const NOW: i64 = 1_772_409_600_000;

    fn row(active: bool, paused: bool, success: i64) -> jobs::Model {
        jobs::Model {
            job: "key-refill".to_owned(),
            active,
            paused,
            armed_at: Some(NOW - 48 * HOUR),
            done_until: None,
            next_at: None,
            unfinished_since: None,
            started_at: None,
            finished_at: None,
            outcome: None,
            items: 0,
            error: None,
            last_success_at: Some(NOW - success),
            updated_at: NOW,
        }
    }

    fn verdict(row: Option<&jobs::Model>) -> Option<Verdict> {
        judge("key-refill", row, NOW).map(|finding| finding.verdict)
    }

    #[test]
    fn a_late_job_fails_and_one_that_is_off_does_not() {
        assert_eq!(verdict(Some(&row(true, false, HOUR))), None);
        assert_eq!(
            verdict(Some(&row(true, false, 26 * HOUR))),
            Some(Verdict::Fail)
        );
        assert_eq!(verdict(Some(&row(false, false, 99 * HOUR))), None);
        assert_eq!(verdict(Some(&row(false, true, HOUR))), Some(Verdict::Warn));
        assert_eq!(verdict(None), Some(Verdict::Warn));
        let mut failing = row(true, false, HOUR);
        failing.outcome = Some("failed".to_owned());
        failing.error = Some("CW0050: no".to_owned());
        let told = judge("key-refill", Some(&failing), NOW).expect("told");
        assert_eq!(
            (told.verdict, told.what.as_str()),
            (Verdict::Warn, "its last run failed: CW0050: no")
        );
        failing.last_success_at = None;
        failing.armed_at = Some(NOW - HOUR);
        failing.unfinished_since = Some(NOW - 3 * HOUR);
        assert_eq!(verdict(Some(&failing)), Some(Verdict::Fail));
    }
}
