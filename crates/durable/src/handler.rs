//! The edge of a handler: its own span, its metrics, and the conversion of its error.

use crate::error::Stop;
use restate_sdk::errors::{HandlerError, HandlerResult};
use std::future::Future;
use tracing::Instrument;

tokio::task_local! {
    /// The service whose handler runs, without its package: the label of its steps.
    pub(crate) static SERVICE: &'static str;
}

/// Runs a handler's body inside a span with invocation id and key (the SDK's own span has neither) and counts
/// its end in `ctrl_worker_handler_seconds{service,handler,outcome}`. The seconds are those of the last attempt:
/// an invocation that was suspended continues in a new one.
pub async fn handle<T, F>(
    service: &'static str,
    handler: &'static str,
    invocation: &str,
    key: &str,
    body: F,
) -> HandlerResult<T>
where
    F: Future<Output = Result<T, Stop>> + Send,
{
    // The name without its package, as steps are labelled by: the two can be read together.
    let label = service.rsplit('.').next().unwrap_or(service);
    let span = tracing::info_span!("handler", service, handler, invocation, key);
    let started = crate::clock::monotonic();
    #[cfg(feature = "faults")]
    let body = crate::faults::within(invocation, key, body);
    SERVICE.scope(label, async move {
        let result = body.await;
        let outcome = match &result {
            Ok(_) => "ok",
            Err(Stop::Retry(_)) => "retry",
            Err(_) => "terminal",
        };
        metrics::histogram!("ctrl_worker_handler_seconds", "service" => label, "handler" => handler, "outcome" => outcome)
            .record(started.elapsed().as_secs_f64());
        result.map_err(|stop| {
            match &stop {
                Stop::Terminal(fault) => tracing::warn!(code = fault.code.id, error = %fault.text, "handler refused"),
                Stop::Ended(e) => tracing::warn!(status = e.code(), error = e.message(), "handler ended"),
                Stop::Retry(source) => tracing::warn!(error = %source, "handler will be tried again"),
            }
            HandlerError::from(stop)
        })
    })
    .instrument(span)
    .await
}
