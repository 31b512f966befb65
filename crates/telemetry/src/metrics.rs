//! The families of metrics this process has: names, labels, buckets, and the recorder behind `/metrics`.
//!
//! Series are written with the `metrics` macros where things happen. No id, host name or workspace is ever a label.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::TelemetryError;

/// One family: what is written under a name, and with which labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// As `/metrics` shows it; of a histogram, without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// What Prometheus calls its type.
    pub kind: Kind,
    /// Every label it may have.
    pub labels: &'static [&'static str],
    /// One line for the reader of `/metrics`.
    pub help: &'static str,
}

/// Type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

/// One attempt of a handler.
pub const HANDLER_SECONDS: &str = "ctrl_worker_handler_seconds";
/// One execution of a durable step.
pub const STEP_SECONDS: &str = "ctrl_worker_step_seconds";
/// One request to something outside.
pub const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";
/// Steps and lines of builds that ClickHouse has.
pub const BUILD_LOG_WRITTEN: &str = "ctrl_worker_build_log_written_total";
/// Steps and lines of builds that it will never have.
pub const BUILD_LOG_DROPPED: &str = "ctrl_worker_build_log_dropped_total";
/// Answers about certificates.
pub const CERTIFICATES: &str = "ctrl_worker_certificates_total";
/// Nonces that the certificate authority refused.
pub const ACME_NONCES_REFUSED: &str = "ctrl_worker_acme_nonces_refused_total";
/// Exchanges with the certificate authority begun again for that reason.
pub const ACME_NONCE_ROUNDS: &str = "ctrl_worker_acme_nonce_rounds_total";
/// Age of the oldest unfinished work.
pub const OLDEST_ACTIVE_SECONDS: &str = "ctrl_worker_oldest_active_seconds";
/// Deployments that wait for their instances.
pub const WAITING_DEPLOYMENTS: &str = "ctrl_worker_waiting_deployments";
/// Deployments that the reconciler has ended.
pub const RECONCILED: &str = "ctrl_worker_reconciled_total";
/// Invocations in Restate that are not over.
pub const INVOCATIONS: &str = "ctrl_worker_invocations";
/// Whether Restate knows this worker as it is.
pub const REGISTRATION_OK: &str = "ctrl_worker_registration_ok";
/// Whether the schedule of a periodic job runs.
pub const JOB_ENABLED: &str = "ctrl_worker_job_enabled";
/// When a periodic job last succeeded.
pub const JOB_LAST_SUCCESS: &str = "ctrl_worker_job_last_success_timestamp_seconds";
/// One run of a periodic job.
pub const JOB_SECONDS: &str = "ctrl_worker_job_seconds";
/// What the runs of a periodic job have counted.
pub const JOB_ITEMS: &str = "ctrl_worker_job_items_total";
/// One complete run of a daily job, whoever started it.
pub const RUN_SECONDS: &str = "ctrl_worker_run_seconds";
/// When a run was last complete.
pub const RUN_LAST_SUCCESS: &str = "ctrl_worker_run_last_success_timestamp_seconds";
/// What complete and unfinished runs have done so far.
pub const RUN_ITEMS: &str = "ctrl_worker_run_items_total";
/// Messages of the quota check.
pub const QUOTA_NOTICES: &str = "ctrl_worker_quota_notices_total";
/// Members of a request that no field has.
pub const UNKNOWN_FIELDS: &str = "unknown_fields_total";
/// Seconds of SQL operations.
pub const DATABASE_LATENCY: &str = "unkey_database_operations_latency_seconds";
/// SQL operations.
pub const DATABASE_TOTAL: &str = "unkey_database_operations_total";
/// Panics.
pub const PANICS: &str = "unkey_internal_panics_total";
/// The version that runs.
pub const BUILD_INFO: &str = "unkey_build_info";

const fn family(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family {
        name,
        kind,
        labels,
        help,
    }
}

/// Every family of this process besides `process_…`. docs/metrics.md explains them.
pub const FAMILIES: &[Family] = &[
    family(
        HANDLER_SECONDS,
        Kind::Histogram,
        &["service", "handler", "outcome"],
        "One attempt of a handler, by how it ended",
    ),
    family(
        STEP_SECONDS,
        Kind::Histogram,
        &["service", "step", "outcome"],
        "One execution of a durable step, by how it ended",
    ),
    family(
        OUTSIDE_SECONDS,
        Kind::Histogram,
        &["adapter", "operation", "outcome"],
        "One request to something outside, by how it ended",
    ),
    family(
        BUILD_LOG_WRITTEN,
        Kind::Counter,
        &["kind"],
        "Steps and lines of builds written to ClickHouse",
    ),
    family(
        BUILD_LOG_DROPPED,
        Kind::Counter,
        &["kind", "reason"],
        "Steps and lines of builds that were not written, by why",
    ),
    family(
        CERTIFICATES,
        Kind::Counter,
        &["outcome", "cause"],
        "Answers about certificates, by outcome and cause",
    ),
    family(
        ACME_NONCES_REFUSED,
        Kind::Counter,
        &[],
        "Nonces that the certificate authority refused",
    ),
    family(
        ACME_NONCE_ROUNDS,
        Kind::Counter,
        &[],
        "Exchanges with the certificate authority begun again because of refused nonces",
    ),
    family(
        OLDEST_ACTIVE_SECONDS,
        Kind::Gauge,
        &["kind"],
        "Age of the oldest unfinished work of a kind; 0 without any",
    ),
    family(
        WAITING_DEPLOYMENTS,
        Kind::Gauge,
        &[],
        "Deployments that wait for their instances",
    ),
    family(
        RECONCILED,
        Kind::Counter,
        &["reason"],
        "Deployments that the reconciler has ended",
    ),
    family(
        INVOCATIONS,
        Kind::Gauge,
        &["status"],
        "Invocations of this worker's services in Restate that are not over",
    ),
    family(
        REGISTRATION_OK,
        Kind::Gauge,
        &[],
        "1 when Restate knows this worker's services as they are",
    ),
    family(
        JOB_ENABLED,
        Kind::Gauge,
        &["kind"],
        "1 when the schedule of a periodic job runs, 0 when it is off or paused",
    ),
    family(
        JOB_LAST_SUCCESS,
        Kind::Gauge,
        &["kind"],
        "When a periodic job last succeeded, epoch seconds; before the first time, when its schedule was turned on",
    ),
    family(
        JOB_SECONDS,
        Kind::Histogram,
        &["kind", "outcome"],
        "One run of a periodic job, by how it ended",
    ),
    family(
        JOB_ITEMS,
        Kind::Counter,
        &["kind"],
        "What the runs of a periodic job have counted",
    ),
    family(
        RUN_SECONDS,
        Kind::Histogram,
        &["kind"],
        "One complete run of a daily job, from its beginning to its end",
    ),
    family(
        RUN_LAST_SUCCESS,
        Kind::Gauge,
        &["kind"],
        "When a run of a daily job was last complete, epoch seconds",
    ),
    family(
        RUN_ITEMS,
        Kind::Counter,
        &["kind"],
        "Keys refilled, workspaces looked at",
    ),
    family(
        QUOTA_NOTICES,
        Kind::Counter,
        &["outcome"],
        "Messages of the quota check, by what Slack made of them",
    ),
    family(
        UNKNOWN_FIELDS,
        Kind::Counter,
        &["message"],
        "Members of a request that no field of its message has",
    ),
    family(
        DATABASE_LATENCY,
        Kind::Histogram,
        &["replica", "operation", "status"],
        "One SQL operation",
    ),
    family(
        DATABASE_TOTAL,
        Kind::Counter,
        &["replica", "operation", "status"],
        "SQL operations",
    ),
    family(
        PANICS,
        Kind::Counter,
        &["caller", "path"],
        "Panics, by where they happened",
    ),
    family(
        BUILD_INFO,
        Kind::Gauge,
        &["version"],
        "The version that runs; always 1",
    ),
];

const DATABASE_BUCKETS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0, 3.0, 5.0, 10.0,
];
const WORK_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 900.0,
];

/// The recorder of this process; renders the text of `/metrics`.
#[derive(Clone)]
pub struct Recorder {
    handle: PrometheusHandle,
    process: metrics_process::Collector,
}

impl Recorder {
    /// Installs the recorder for the whole process and describes every family.
    ///
    /// # Errors
    /// A second recorder in the same process.
    pub fn install(version: &str) -> Result<Self, TelemetryError> {
        let mut builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(DATABASE_LATENCY.to_owned()), DATABASE_BUCKETS)?;
        for name in [
            HANDLER_SECONDS,
            STEP_SECONDS,
            OUTSIDE_SECONDS,
            JOB_SECONDS,
            RUN_SECONDS,
        ] {
            builder =
                builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), WORK_BUCKETS)?;
        }
        let handle = builder.install_recorder()?;
        let process = metrics_process::Collector::default();
        process.describe();
        describe();
        crate::first::register();
        gauge!(BUILD_INFO, "version" => version.to_owned()).set(1.0);
        Ok(Self { handle, process })
    }

    /// The text of `/metrics`, in Prometheus' format.
    pub fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }

    /// Moves what histograms gathered into their buckets; due every few seconds even when nobody scrapes.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

fn describe() {
    for Family {
        name, kind, help, ..
    } in FAMILIES
    {
        match kind {
            Kind::Counter => describe_counter!(*name, *help),
            Kind::Gauge => describe_gauge!(*name, *help),
            Kind::Histogram => describe_histogram!(*name, *help),
        }
    }
}

/// Logs and counts each panic, in place of the default print to stderr.
pub(crate) fn count_panics() {
    std::panic::set_hook(Box::new(|info| {
        let path = info
            .location()
            .map(|l| format!("{}:{}", l.file(), l.line()))
            .unwrap_or_default();
        let text = info.payload_as_str().unwrap_or("a panic without a text");
        tracing::error!(%path, "panic: {text}");
        let caller = std::thread::current()
            .name()
            .unwrap_or("unnamed")
            .to_owned();
        counter!(PANICS, "caller" => caller, "path" => path).increment(1);
    }));
}
