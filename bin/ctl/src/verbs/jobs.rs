//! `ctl jobs`: how the periodic jobs stand, and starting, pausing and resuming one. Through ingress alone: no database.

use std::fmt;
use std::time::Duration;

use messages::hydra::v1 as msg;
use restate_api::{ApiError, Ingress};
use scheduler_client::{JOBS, SERVICE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::{Addresses, Jobs};
use crate::failure::Failure;
use crate::output::Output;

/// Longest a call that waits for no run may take.
const CALL: Duration = Duration::from_secs(30);

/// One job, for people and programs. Times are RFC 3339 in UTC.
#[derive(Debug, Serialize)]
struct Line {
    job: &'static str,
    /// `on`, `paused` or `off`.
    state: &'static str,
    /// Why it is off.
    off_because: Option<String>,
    next_run_at: Option<String>,
    running: Option<Run>,
    last_run: Option<Run>,
    last_success_at: Option<String>,
    /// Failures since the last success.
    failures: i32,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Run {
    /// What it ran for: a date, a month, a minute.
    window: String,
    by_hand: bool,
    started_at: Option<String>,
    finished_at: Option<String>,
    /// `succeeded`, `failed`, `cancelled` or `lost`; absent while it runs.
    outcome: Option<String>,
    /// Keys refilled, workspaces looked at, renewals started, keys synced.
    items: i64,
    seconds: Option<f64>,
    error: Option<String>,
}

#[derive(Serialize)]
struct List {
    jobs: Vec<Line>,
}

/// A run that was asked for.
#[derive(Serialize)]
struct Ran {
    job: String,
    invocation_id: String,
    run: Run,
}

pub(crate) async fn run(addresses: Addresses, output: Output, verb: Jobs) -> Result<(), Failure> {
    let ingress = Ingress::new(&addresses.ingress, addresses.api_key.as_deref())
        .map_err(|error| Failure::Usage(format!("--ingress: {error}")))?;
    let scheduler = Scheduler {
        ingress: ingress.with_timeout(Some(CALL)),
        url: addresses.ingress,
    };
    match verb {
        Jobs::List => list(&scheduler, output).await,
        Jobs::Run {
            job,
            no_wait,
            timeout,
        } => {
            let wait = (!no_wait).then(|| Duration::from_secs(timeout));
            start(&scheduler, output, job, wait).await
        }
        Jobs::Pause { job } => turn(&scheduler, output, &job, "Pause").await,
        Jobs::Resume { job } => turn(&scheduler, output, &job, "Resume").await,
    }
}

/// The scheduler's objects behind the ingress.
struct Scheduler {
    ingress: Ingress,
    url: String,
}

impl Scheduler {
    async fn call<T: DeserializeOwned>(&self, job: &str, handler: &str) -> Result<T, Failure> {
        let answer = self.ingress.call(SERVICE, job, handler, &json!({})).await;
        let answer = answer.map_err(|error| Failure::of_ingress(&error, &self.url))?;
        serde_json::from_value(answer).map_err(|error| {
            Failure::Worker(format!("{handler} answered with something else: {error}"))
        })
    }

    async fn line(&self, job: &'static str) -> Result<Line, Failure> {
        let status: msg::JobStatusResponse = self.call(job, "Status").await?;
        Ok(Line::of(job, &status))
    }
}

async fn list(scheduler: &Scheduler, output: Output) -> Result<(), Failure> {
    let mut jobs = Vec::new();
    for job in JOBS {
        jobs.push(scheduler.line(job).await?);
    }
    output.say(&List { jobs });
    Ok(())
}

async fn turn(
    scheduler: &Scheduler,
    output: Output,
    job: &str,
    handler: &str,
) -> Result<(), Failure> {
    // either answers with an empty message
    scheduler.call::<serde_json::Value>(job, handler).await?;
    let known = JOBS.into_iter().find(|name| *name == job);
    let job = known.ok_or_else(|| Failure::NotFound(format!("no job `{job}`")))?;
    output.say(&scheduler.line(job).await?);
    Ok(())
}

/// Starts a run and, with `wait`, follows it to its end.
async fn start(
    scheduler: &Scheduler,
    output: Output,
    job: String,
    wait: Option<Duration>,
) -> Result<(), Failure> {
    let started: msg::RunJobResponse = scheduler.call(&job, "Run").await?;
    let invocation_id = started.invocation_id;
    let mut run = started.run.as_option().cloned().unwrap_or_default();
    if let Some(wait) = wait {
        let ingress = scheduler.ingress.clone().with_timeout(Some(wait));
        let answer = ingress.attach(&invocation_id).await;
        let answer = answer.map_err(|error| match &error {
            ApiError::Unreachable {
                timed_out: true, ..
            } => Failure::StillRunning(format!(
                "{job} has not ended within {} s; it goes on, `ctl jobs` shows how",
                wait.as_secs()
            )),
            error => Failure::of_ingress(error, &scheduler.url),
        })?;
        let ended: msg::ExecuteJobResponse = serde_json::from_value(answer).map_err(|error| {
            Failure::Worker(format!("the run answered with something else: {error}"))
        })?;
        run = ended.run.as_option().cloned().unwrap_or(run);
    }
    let ran = Ran {
        job,
        invocation_id,
        run: Run::of(&run),
    };
    output.say(&ran);
    match (ran.run.outcome.as_deref(), ran.run.error) {
        (None | Some("succeeded"), _) => Ok(()),
        (Some(_), Some(error)) => Err(Failure::Worker(error)),
        (Some(outcome), None) => Err(Failure::Worker(format!("the run was {outcome}"))),
    }
}

impl Line {
    fn of(job: &'static str, status: &msg::JobStatusResponse) -> Self {
        let state = match (status.enabled, status.paused) {
            (false, _) => "off",
            (true, true) => "paused",
            (true, false) => "on",
        };
        Self {
            job,
            state,
            off_because: Some(status.off_because.clone()).filter(|text| !text.is_empty()),
            next_run_at: instant(status.next_at_ms),
            running: status.running.as_option().map(Run::of),
            last_run: status.last.as_option().map(Run::of),
            last_success_at: instant(status.last_success_at_ms),
            failures: status.failures,
        }
    }
}

impl Run {
    fn of(run: &msg::JobRun) -> Self {
        let ended = run.finished_at_ms > 0;
        Self {
            window: run.window.clone(),
            by_hand: run.by_hand,
            started_at: instant(run.started_at_ms),
            finished_at: instant(run.finished_at_ms),
            outcome: Some(run.outcome.clone()).filter(|text| !text.is_empty()),
            items: run.items,
            seconds: ended.then(|| (run.finished_at_ms - run.started_at_ms) as f64 / 1_000.0),
            error: Some(run.error.clone()).filter(|text| !text.is_empty()),
        }
    }
}

/// Epoch milliseconds as RFC 3339, whole seconds; 0 is never.
fn instant(ms: i64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000)).ok();
    at.filter(|_| ms != 0)
        .and_then(|at| at.format(&Rfc3339).ok())
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = if self.by_hand { ", by hand" } else { "" };
        match (&self.outcome, self.seconds) {
            (Some(outcome), seconds) => write!(
                f,
                "{outcome} with {} for {}{by}, at {} in {:.1} s",
                self.items,
                self.window,
                self.finished_at.as_deref().unwrap_or("?"),
                seconds.unwrap_or(0.0)
            )?,
            (None, _) => write!(
                f,
                "running for {}{by} since {}",
                self.window,
                self.started_at.as_deref().unwrap_or("?")
            )?,
        }
        match &self.error {
            Some(error) => write!(f, ": {error}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:20} {:6}", self.job, self.state)?;
        match (&self.next_run_at, &self.off_because) {
            (Some(next), _) => write!(f, " next {next}")?,
            (None, Some(because)) => write!(f, " {because}")?,
            (None, None) => {}
        }
        if let Some(running) = &self.running {
            write!(f, "\n  {running}")?;
        }
        if let Some(last) = &self.last_run {
            write!(f, "\n  last: {last}")?;
        }
        if self.failures > 0 {
            let since = self
                .last_success_at
                .as_deref()
                .unwrap_or("it was turned on");
            write!(f, "\n  {} failed since {since}", self.failures)?;
        }
        Ok(())
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.jobs.iter().enumerate() {
            let end = if number + 1 < self.jobs.len() {
                "\n"
            } else {
                ""
            };
            write!(f, "{line}{end}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.job, self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> msg::JobStatusResponse {
        let last = msg::JobRun {
            window: "2026-03-02".to_owned(),
            started_at_ms: 1_772_409_600_000,
            finished_at_ms: 1_772_409_602_500,
            outcome: "succeeded".to_owned(),
            items: 12,
            ..Default::default()
        };
        msg::JobStatusResponse {
            enabled: true,
            next_at_ms: 1_772_496_000_000,
            last: Some(last).into(),
            last_success_at_ms: 1_772_409_602_500,
            ..Default::default()
        }
    }

    #[test]
    fn a_job_is_told_in_two_lines() {
        let line = Line::of("key-refill", &status());
        assert_eq!(
            line.to_string(),
            "key-refill           on     next 2026-03-03T00:00:00Z\n  \
             last: succeeded with 12 for 2026-03-02, at 2026-03-02T00:00:02Z in 2.5 s"
        );
        assert_eq!(
            line.last_success_at.as_deref(),
            Some("2026-03-02T00:00:02Z")
        );
    }

    #[test]
    fn what_is_off_paused_running_or_failing_is_said() {
        let mut status = status();
        status.enabled = false;
        status.next_at_ms = 0;
        status.off_because = "clickhouse.url is not set".to_owned();
        let text = Line::of("quota-check", &status).to_string();
        assert!(
            text.starts_with("quota-check          off    clickhouse.url is not set\n"),
            "{text}"
        );
        status.enabled = true;
        status.paused = true;
        status.failures = 3;
        status.running = Some(msg::JobRun {
            window: "2026-03".to_owned(),
            by_hand: true,
            started_at_ms: 1_772_409_600_000,
            ..Default::default()
        })
        .into();
        let line = Line::of("quota-check", &status);
        let text = line.to_string();
        assert_eq!(line.state, "paused");
        assert!(
            text.contains("\n  running for 2026-03, by hand since 2026-03-02T00:00:00Z"),
            "{text}"
        );
        assert!(
            text.ends_with("\n  3 failed since 2026-03-02T00:00:02Z"),
            "{text}"
        );
    }

    #[test]
    fn never_is_no_instant() {
        assert_eq!(instant(0), None);
        assert_eq!(instant(1_000).as_deref(), Some("1970-01-01T00:00:01Z"));
    }
}
