//! The shape of the configuration: one struct per section of the file, with the default of each key.
//!
//! Rules that span several keys are in `rules`; reading and expanding are in `reader` and `expand`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::reader::Reader;
use crate::{Secret, duration};

/// `[database]`: MySQL addresses as Go's driver writes them (`user:password@tcp(host:3306)/db?tls=true`).
#[derive(Clone, Debug, Serialize)]
pub struct Database {
    /// Where everything is written, and read when there is no replica.
    pub primary: Secret,
    /// Where stale reads may go; empty: the primary.
    pub readonly_replica: Secret,
    /// PEM file with the authority that signed the server's certificate, for `tls=<name>`.
    pub ca_file: String,
}

/// `[vault]`.
#[derive(Clone, Debug, Serialize)]
pub struct Vault {
    /// Empty: no Vault; what needs it answers with an error that says so.
    pub url: String,
    /// Bearer token.
    pub token: Secret,
}

/// `[restate]`.
#[derive(Clone, Debug, Serialize)]
pub struct Restate {
    /// Admin API.
    pub admin_url: String,
    /// Ingress, for awakeables (and only for these).
    pub ingress_url: String,
    /// Bearer token for both.
    pub api_key: Secret,
    /// Port of the Restate endpoint and the health routes, on all interfaces.
    pub http_port: u16,
    /// Address and port instead of `http_port`; port 0 takes a free one. Empty: not used.
    pub listen: String,
    /// The address under which Restate reaches this worker; empty: no self-registration.
    /// `{version}` and `{port}` are replaced.
    pub register_as: String,
    /// Whether a registration replaces a known one with the same address; see [`Restate::force`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register_force: Option<bool>,
    /// `publickeyv1_…`: only requests signed by one of these are served. Empty: all are.
    pub identity_keys: Vec<String>,
    /// How long running invocations may take to end when the worker stops.
    #[serde(serialize_with = "duration::serialize")]
    pub drain_timeout: Duration,
}

impl Restate {
    /// Whether to register with `force`: as configured, else exactly when the address does not change with the version.
    pub fn force(&self) -> bool {
        self.register_force
            .unwrap_or(!self.register_as.contains("{version}"))
    }
}

/// `[deploy]`.
#[derive(Clone, Debug, Serialize)]
pub struct Deploy {
    /// How long a deployment may be `pending` without ever reaching the worker.
    #[serde(serialize_with = "duration::serialize")]
    pub pending_timeout: Duration,
    /// How long a sleeping deployment may take to wake before traffic moves to it.
    #[serde(serialize_with = "duration::serialize")]
    pub wake_timeout: Duration,
    /// How often waiting deployments are looked at while few wait.
    #[serde(serialize_with = "duration::serialize")]
    pub watch_interval_min: Duration,
    /// How often at 5 000 waiting.
    #[serde(serialize_with = "duration::serialize")]
    pub watch_interval_max: Duration,
    /// Builds of one workspace that run at a time.
    pub builds_per_workspace: usize,
    /// How long one build may take.
    #[serde(serialize_with = "duration::serialize")]
    pub build_timeout: Duration,
    /// How long a build may wait for its turn.
    #[serde(serialize_with = "duration::serialize")]
    pub build_wait_timeout: Duration,
    /// Every deployment of a push waits for approval; the environment's `FORCE_DEPLOYMENT_APPROVAL` does the same.
    pub force_approval: bool,
}

/// `[scheduler]`: which periodic jobs this worker starts by itself.
#[derive(Clone, Debug, Serialize)]
pub struct Scheduler {
    /// Whether it starts any; false where an outside cron starts them all.
    pub enabled: bool,
    /// Key refill, daily at 00:00 UTC.
    pub key_refill: bool,
    /// Quota check, daily at 15:00 UTC.
    pub quota_check: bool,
    /// Certificate renewal, daily at 03:00 UTC.
    pub certificate_renewal: bool,
    /// Sleep of idle previews, every 15 minutes.
    pub idle_scale_down: bool,
    /// Last-used times of keys, every minute.
    pub key_last_used_sync: bool,
}

/// `[clickhouse]`.
#[derive(Clone, Debug, Serialize)]
pub struct Clickhouse {
    /// Empty: no ClickHouse.
    pub url: Secret,
    /// HTTP address where it does not follow from `url`.
    pub http_url: Secret,
    /// Address of an administrator's connection, for user provisioning.
    pub admin_url: Secret,
    /// HTTP address where it does not follow from `admin_url`.
    pub admin_http_url: Secret,
}

/// `[heartbeat]`: addresses called after a successful run of a periodic job; empty: none.
#[derive(Clone, Debug, Serialize)]
pub struct Heartbeat {
    /// Certificate renewal.
    pub cert_renewal_url: Secret,
    /// Quota check.
    pub quota_check_url: Secret,
    /// Key refill.
    pub key_refill_url: Secret,
    /// Last-used times of keys.
    pub key_last_used_sync_url: Secret,
}

/// `[slack]`.
#[derive(Clone, Debug, Serialize)]
pub struct Slack {
    /// Where the quota check reports.
    pub quota_check_webhook_url: Secret,
}

/// `[observability]`.
#[derive(Clone, Debug, Serialize)]
pub struct Observability {
    /// Absent: no traces leave the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<Tracing>,
    /// Log lines.
    pub logging: Logging,
    /// Prometheus.
    pub metrics: Metrics,
}

/// `[observability.tracing]`.
#[derive(Clone, Debug, Serialize)]
pub struct Tracing {
    /// Share of traces kept; an explicit 0 keeps none.
    pub sample_rate: f64,
}

/// `[observability.logging]`.
#[derive(Clone, Debug, Serialize)]
pub struct Logging {
    /// `json`, `human`, or `auto`: human on a terminal, JSON elsewhere.
    pub format: String,
    /// `debug`, `info`, `warn` or `error`. `UNKEY_LOG_LEVEL` and `RUST_LOG` go before.
    pub level: String,
    /// Share of lines below WARN that is kept.
    pub sample_rate: f64,
    /// Accepted for the sake of existing files; nothing depends on it.
    #[serde(serialize_with = "duration::serialize")]
    pub slow_threshold: Duration,
}

/// `[observability.metrics]`.
#[derive(Clone, Debug, Serialize)]
pub struct Metrics {
    /// Above 0: `/metrics` is served there, on all interfaces.
    pub prometheus_port: u16,
    /// Address and port instead of `prometheus_port`; port 0 takes a free one. Empty: not used.
    pub listen: String,
}

/// Scaled waiting times for tests, by `service.name`. A release build refuses any.
pub type TestTimings = BTreeMap<String, Duration>;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn database(r: &mut Reader) -> Database {
    Database {
        primary: Secret::new(r.required("database.primary")),
        readonly_replica: r.secret("database.readonly_replica"),
        ca_file: r.text("database.ca_file"),
    }
}

pub(crate) fn vault(r: &mut Reader) -> Vault {
    Vault {
        url: r.url_or("vault.url", ""),
        token: r.secret("vault.token"),
    }
}

pub(crate) fn restate(r: &mut Reader) -> Restate {
    let port = r.int("restate.http_port", 9080, 1..=65535);
    Restate {
        admin_url: r.url_or("restate.admin_url", "http://restate:9070"),
        ingress_url: r.url_or("restate.ingress_url", "http://restate:8080"),
        api_key: r.secret("restate.api_key"),
        http_port: u16::try_from(port).unwrap_or(9080),
        listen: r.text("restate.listen"),
        register_as: {
            // Sent as it stands: Restate knows a deployment by this very text.
            let text = r.text("restate.register_as");
            r.check_url("restate.register_as", &text, &["http", "https"]);
            text
        },
        register_force: r.flag_opt("restate.register_force"),
        identity_keys: r.texts("restate.identity_keys"),
        drain_timeout: r.duration("restate.drain_timeout", 30 * SECOND),
    }
}

pub(crate) fn deploy(r: &mut Reader) -> Deploy {
    Deploy {
        pending_timeout: r.duration("deploy.pending_timeout", 10 * MINUTE),
        wake_timeout: r.duration("deploy.wake_timeout", 2 * MINUTE),
        watch_interval_min: r.duration("deploy.watch_interval_min", Duration::from_millis(50)),
        watch_interval_max: r.duration("deploy.watch_interval_max", SECOND),
        builds_per_workspace: usize::try_from(r.int("deploy.builds_per_workspace", 2, 1..=1000))
            .unwrap_or(1),
        build_timeout: r.duration("deploy.build_timeout", 30 * MINUTE),
        build_wait_timeout: r.duration("deploy.build_wait_timeout", 60 * MINUTE),
        force_approval: r.flag("deploy.force_approval", false),
    }
}

pub(crate) fn scheduler(r: &mut Reader) -> Scheduler {
    Scheduler {
        enabled: r.flag("scheduler.enabled", true),
        key_refill: r.flag("scheduler.key_refill", true),
        quota_check: r.flag("scheduler.quota_check", true),
        certificate_renewal: r.flag("scheduler.certificate_renewal", true),
        idle_scale_down: r.flag("scheduler.idle_scale_down", true),
        key_last_used_sync: r.flag("scheduler.key_last_used_sync", true),
    }
}

pub(crate) fn clickhouse(r: &mut Reader) -> Clickhouse {
    Clickhouse {
        url: r.secret("clickhouse.url"),
        http_url: r.secret_url("clickhouse.http_url"),
        admin_url: r.secret("clickhouse.admin_url"),
        admin_http_url: r.secret_url("clickhouse.admin_http_url"),
    }
}

pub(crate) fn heartbeat(r: &mut Reader) -> Heartbeat {
    Heartbeat {
        cert_renewal_url: r.secret_url("heartbeat.cert_renewal_url"),
        quota_check_url: r.secret_url("heartbeat.quota_check_url"),
        key_refill_url: r.secret_url("heartbeat.key_refill_url"),
        key_last_used_sync_url: r.secret_url("heartbeat.key_last_used_sync_url"),
    }
}

pub(crate) fn slack(r: &mut Reader) -> Slack {
    Slack {
        quota_check_webhook_url: r.secret_url("slack.quota_check_webhook_url"),
    }
}

pub(crate) fn observability(r: &mut Reader) -> Observability {
    let traced = r.has("observability.tracing");
    let tracing = Tracing {
        sample_rate: r.share("observability.tracing.sample_rate", 0.25),
    };
    let port = r.int("observability.metrics.prometheus_port", 0, 0..=65535);
    Observability {
        tracing: traced.then_some(tracing),
        logging: Logging {
            format: r.text_or("observability.logging.format", "auto"),
            level: r.text_or("observability.logging.level", "info"),
            sample_rate: r.share("observability.logging.sample_rate", 1.0),
            slow_threshold: r.duration("observability.logging.slow_threshold", SECOND),
        },
        metrics: Metrics {
            prometheus_port: u16::try_from(port).unwrap_or(0),
            listen: r.text("observability.metrics.listen"),
        },
    }
}

pub(crate) fn test_timings(r: &mut Reader) -> TestTimings {
    let mut timings = TestTimings::new();
    for service in r.keys("test_timings") {
        for name in r.keys(&format!("test_timings.{service}")) {
            let path = format!("{service}.{name}");
            let value = r.duration(&format!("test_timings.{path}"), Duration::ZERO);
            timings.insert(path, value);
        }
    }
    timings
}
