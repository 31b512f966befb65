//! The families of metrics this process has: names, labels, buckets, and the recorder behind `/metrics`.
//!
//! Series are written with the `metrics` macros where things happen. No id, host name or workspace is ever a label.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::TelemetryError;

/// Histogram: one attempt of a handler. Labels `service`, `handler`, `outcome`.
pub const HANDLER_SECONDS: &str = "ctrl_worker_handler_seconds";
/// Histogram: one execution of a durable step. Labels `service`, `step`, `outcome`.
pub const STEP_SECONDS: &str = "ctrl_worker_step_seconds";
/// Histogram: one call to something outside. Labels `adapter`, `operation`, `outcome`.
pub const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";
/// Gauge: age of the oldest unfinished work. Label `kind`.
pub const OLDEST_ACTIVE_SECONDS: &str = "ctrl_worker_oldest_active_seconds";
/// Gauge: deployments that wait for their instances.
pub const WAITING_DEPLOYMENTS: &str = "ctrl_worker_waiting_deployments";
/// Gauge: 1 when Restate knows this worker and its services as they are, else 0.
pub const REGISTRATION_OK: &str = "ctrl_worker_registration_ok";
/// Counter: members of a request that no field has. Label `message`.
pub const UNKNOWN_FIELDS: &str = "unknown_fields_total";
/// Histogram: one SQL operation. Labels `replica`, `operation`, `status`.
pub const DATABASE_LATENCY: &str = "unkey_database_operations_latency_seconds";
/// Counter: SQL operations. Labels `replica`, `operation`, `status`.
pub const DATABASE_TOTAL: &str = "unkey_database_operations_total";
/// Counter: panics. Labels `caller`, `path`.
pub const PANICS: &str = "unkey_internal_panics_total";
/// Gauge: always 1. Label `version`.
pub const BUILD_INFO: &str = "unkey_build_info";

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
        for name in [HANDLER_SECONDS, STEP_SECONDS, OUTSIDE_SECONDS] {
            builder =
                builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), WORK_BUCKETS)?;
        }
        let handle = builder.install_recorder()?;
        let process = metrics_process::Collector::default();
        process.describe();
        describe();
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
    describe_histogram!(HANDLER_SECONDS, "One attempt of a handler, by how it ended");
    describe_histogram!(
        STEP_SECONDS,
        "One execution of a durable step, by how it ended"
    );
    describe_histogram!(
        OUTSIDE_SECONDS,
        "One call to something outside, by how it ended"
    );
    describe_gauge!(
        OLDEST_ACTIVE_SECONDS,
        "Age of the oldest unfinished work of a kind"
    );
    describe_gauge!(
        WAITING_DEPLOYMENTS,
        "Deployments that wait for their instances"
    );
    describe_gauge!(
        REGISTRATION_OK,
        "1 when Restate knows this worker's services as they are"
    );
    describe_counter!(
        UNKNOWN_FIELDS,
        "Members of a request that no field of its message has"
    );
    describe_histogram!(DATABASE_LATENCY, "One SQL operation");
    describe_counter!(DATABASE_TOTAL, "SQL operations");
    describe_counter!(PANICS, "Panics, by where they happened");
    describe_gauge!(BUILD_INFO, "The version that runs");
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
