//! Logs, traces and metrics of the process: one call at the start, one guard flushed at the end.
//!
//! Not for deciding what is worth a line or a number: services write `tracing` events and `metrics` series, and this
//! crate says where they go. It reads no configuration file.

mod filter;
mod first;
mod format;
mod listener;
pub mod metrics;
mod traces;

use std::io::IsTerminal;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{EnvFilter, FilterExt};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use listener::Listener;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Human on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For reading with the eye.
    Human,
}

/// Who writes and where to.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The process, in every line and trace.
    pub instance_id: String,
    /// Its region.
    pub region: String,
    /// Its version.
    pub version: String,
    /// Look of log lines.
    pub format: Format,
    /// `debug`, `info`, `warn` or `error`; empty means `info`. `RUST_LOG` and `UNKEY_LOG_LEVEL` go before it.
    pub level: String,
    /// Share of lines below WARN that is kept, 0 to 1.
    pub log_sample_rate: f64,
    /// Share of traces that is exported, 0 to 1; `None` exports none and opens no connection.
    /// The address is taken from `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub trace_sample_rate: Option<f64>,
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The exporter of traces was refused its settings.
    #[error("traces: {0}")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Something was set up before, in the same process.
    #[error("logs are set up already")]
    Twice,
    /// The recorder of metrics was refused.
    #[error("metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// The port of `/metrics` cannot be had.
    #[error("metrics: cannot listen on {address}: {source}")]
    Listen {
        /// Wanted address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Keeps what must be flushed before the process ends.
#[must_use = "traces are lost unless the guard is shut down"]
pub struct Guard {
    traces: Option<traces::Provider>,
}

impl Guard {
    /// Sends what is buffered. Takes at most as long as the exporter's own time-out (10 s).
    pub async fn shutdown(self) {
        if let Some(traces) = self.traces {
            traces.shutdown().await;
        }
    }
}

/// Sets up logs on stderr, traces if wanted, and a hook that logs and counts panics. Once per process, inside a tokio runtime.
///
/// # Errors
/// A second call, or a malformed address of the trace collector.
pub fn init(options: &Options) -> Result<Guard, TelemetryError> {
    let instance = format::Instance::new(options);
    let json = match options.format {
        Format::Json => true,
        Format::Human => false,
        Format::Auto => !std::io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if json {
        lines
            .json()
            .with_current_span(true)
            .with_span_list(false)
            .map_event_format(|inner| format::WithInstance::json(inner, &instance))
            .boxed()
    } else {
        let ansi = std::io::stderr().is_terminal();
        lines
            .with_ansi(ansi)
            .map_event_format(|inner| format::WithInstance::human(inner, &instance))
            .boxed()
    };
    let keep = levels(&options.level)
        .and(filter::Places)
        .and(filter::Echoes)
        .and(filter::Replayed)
        .and(filter::Suspensions)
        .and(filter::Sample::new(options.log_sample_rate));
    let (provider, spans) = match options.trace_sample_rate {
        None => (None, None),
        Some(rate) => {
            let provider = traces::Provider::new(options, rate)?;
            // whatever the level of the log is: a trace without its attempts and steps would be none
            let all = filter::Levels::new(EnvFilter::new("info"), true);
            let layer = provider
                .layer()
                .with_filter(all.and(filter::Echoes).and(filter::Replayed));
            (Some(provider), Some(layer))
        }
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(keep))
        .with(spans)
        .try_init()
        .map_err(|_| TelemetryError::Twice)?;
    metrics::count_panics();
    Ok(Guard { traces: provider })
}

/// `RUST_LOG` as it stands, else the level for everything with the SDK's own chatter below WARN left out.
fn levels<S>(level: &str) -> filter::Levels<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let asked = std::env::var("RUST_LOG")
        .ok()
        .filter(|v| !v.trim().is_empty());
    let quiet = asked.is_none();
    let directives = asked.unwrap_or_else(|| {
        std::env::var("UNKEY_LOG_LEVEL")
            .ok()
            .filter(|v| !v.trim().is_empty())
            .unwrap_or_else(|| {
                if level.is_empty() {
                    "info".to_owned()
                } else {
                    level.to_owned()
                }
            })
    });
    filter::Levels::new(EnvFilter::builder().parse_lossy(directives), quiet)
}
