//! Exports spans over OTLP/HTTP, in batches.
//!
//! Not for logs or metrics: these stay on stderr and on `/metrics`.

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::runtime::Tokio;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use opentelemetry_sdk::trace::{BatchConfigBuilder, Sampler, SdkTracer, SdkTracerProvider};
use std::time::Duration;
use tracing_opentelemetry::OpenTelemetryLayer;

use crate::{Options, TelemetryError};

/// Spans of one batch, and how long it may wait.
const BATCH: usize = 512;
const INTERVAL: Duration = Duration::from_secs(15);

/// The exporter and its buffer.
pub(crate) struct Provider(SdkTracerProvider);

impl Provider {
    pub(crate) fn new(options: &Options, rate: f64) -> Result<Self, TelemetryError> {
        let exporter = SpanExporter::builder().with_http().build()?;
        let batch = BatchConfigBuilder::default()
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(INTERVAL)
            .build();
        let resource = Resource::builder()
            .with_service_name("worker")
            .with_attributes([
                KeyValue::new("service.namespace", "unkey"),
                KeyValue::new("service.version", options.version.clone()),
                KeyValue::new("service.instance.id", options.instance_id.clone()),
                KeyValue::new("cloud.region", options.region.clone()),
            ])
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(
                BatchSpanProcessor::builder(exporter, Tokio)
                    .with_batch_config(batch)
                    .build(),
            )
            .with_sampler(sampler(rate))
            .with_resource(resource)
            .build();
        Ok(Self(provider))
    }

    pub(crate) fn layer<S>(&self) -> OpenTelemetryLayer<S, SdkTracer>
    where
        S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("worker"))
    }

    /// The SDK blocks while it flushes, so this happens beside the runtime's own threads.
    pub(crate) async fn shutdown(self) {
        let done = tokio::task::spawn_blocking(move || self.0.shutdown()).await;
        if let Ok(Err(error)) = done {
            tracing::warn!(%error, "traces could not be flushed");
        }
    }
}

fn sampler(rate: f64) -> Sampler {
    if rate >= 1.0 {
        Sampler::AlwaysOn
    } else if rate <= 0.0 {
        Sampler::AlwaysOff
    } else {
        // by the trace's id, so that every worker decides alike; Restate marks whatever it passes on as sampled
        Sampler::TraceIdRatioBased(rate)
    }
}
