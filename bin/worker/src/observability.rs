//! Logs, traces and metrics as the configuration wants them.
//!
//! Not for what they are (see crate `telemetry`).

use std::net::{Ipv4Addr, SocketAddr};

use config::Config;
use telemetry::{Format, Guard, Listener};

use crate::VERSION;

/// Logs and traces as configured.
///
/// # Errors
/// A malformed address of the trace collector.
pub fn logs(config: &Config) -> Result<Guard, telemetry::TelemetryError> {
    let logging = &config.observability.logging;
    telemetry::init(&telemetry::Options {
        instance_id: config.instance_id.clone(),
        region: config.region.clone(),
        version: VERSION.to_owned(),
        format: match logging.format.as_str() {
            "json" => Format::Json,
            "human" => Format::Human,
            _ => Format::Auto,
        },
        level: logging.level.clone(),
        log_sample_rate: logging.sample_rate,
        trace_sample_rate: config.observability.tracing.as_ref().map(|t| t.sample_rate),
    })
}

/// The listener of `/metrics`, where one is configured; with it, the recorder behind it.
///
/// # Errors
/// The port cannot be had.
pub async fn metrics(config: &Config) -> Result<Option<Listener>, String> {
    let metrics = &config.observability.metrics;
    let address = match metrics.listen.parse::<SocketAddr>() {
        Ok(address) => address,
        Err(_) if metrics.prometheus_port > 0 => {
            (Ipv4Addr::UNSPECIFIED, metrics.prometheus_port).into()
        }
        Err(_) => return Ok(None),
    };
    let recorder = telemetry::metrics::Recorder::install(VERSION).map_err(|e| causes::chain(&e))?;
    let listener = Listener::bind(address, recorder)
        .await
        .map_err(|e| e.to_string())?;
    if let Some(address) = listener.address() {
        tracing::info!(%address, "metrics are served");
    }
    Ok(Some(listener))
}
