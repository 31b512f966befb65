//! One trace over process borders: the parent a request names, the spans of attempts, steps and outside calls, and the header
//! that passes a trace on.
//!
//! Not for where spans go: crate `telemetry` exports them, and where it was not told to, a span of this crate costs a look at
//! one flag. Not for log lines either: these spans are no place a line is written from, so a line keeps the handler's fields.

use std::future::Future;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Target of every span of this crate. Logs leave them out by it.
pub const TARGET: &str = "trace_context";
/// The header of the W3C recommendation.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// One attempt of a handler, below the span that the request's headers name.
pub fn attempt(headers: &HeaderMap, service: &str, handler: &str) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        "attempt",
        otel.name = format!("{service}/{handler}"),
        otel.kind = "server",
        invocation = headers.get("x-restate-invocation-id").and_then(|id| id.to_str().ok()),
    );
    if let Some(parent) = headers.get(TRACEPARENT).and_then(parent) {
        // refused where nothing is exported, and nothing is lost then
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    span
}

/// One execution of a durable step.
pub async fn step<T, E>(
    name: &'static str,
    body: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = tracing::info_span!(target: TARGET, "step", otel.name = name, otel.status_code = tracing::field::Empty);
    ended(span, body).await
}

/// One call to something outside.
pub fn outside<T, E>(
    adapter: &'static str,
    operation: &'static str,
    call: impl Future<Output = Result<T, E>>,
) -> impl Future<Output = Result<T, E>> {
    // What is around the call would hold it several times over: enough, where calls are deep and a build is without
    // optimisation, to fill a thread's stack.
    let call = Box::pin(call);
    async move {
        let span = tracing::info_span!(
            target: TARGET,
            "outside",
            otel.name = format!("{adapter} {operation}"),
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            adapter,
            operation,
        );
        ended(span, call).await
    }
}

async fn ended<T, E>(span: Span, body: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let result = body.instrument(span.clone()).await;
    if result.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    result
}

/// The ids of the trace and the span in which this is called; none outside a trace.
pub fn ids() -> Option<(TraceId, SpanId)> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| (span.trace_id(), span.span_id()))
    })
}

/// What passes the trace on to a server of the operator's own. Third parties are told nothing.
pub fn header() -> Option<(HeaderName, HeaderValue)> {
    let text = Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        let flags = span.trace_flags().to_u8();
        let text = || format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
        span.is_valid().then(text)
    })?;
    Some((TRACEPARENT, HeaderValue::from_str(&text).ok()?))
}

/// `00-<trace>-<span>-<flags>`; a later version may have more behind it.
fn parent(value: &HeaderValue) -> Option<SpanContext> {
    let parts: Vec<&str> = value.to_str().ok()?.trim().split('-').collect();
    let [version, trace, span, flags, more @ ..] = parts.as_slice() else {
        return None;
    };
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let good = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    if !good || *version == "ff" || (*version == "00" && !more.is_empty()) {
        return None;
    }
    let parent = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::NONE,
    );
    parent.is_valid().then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_what_the_recommendation_says() {
        let read = |text: &str| parent(&HeaderValue::from_str(text).expect("a header"));
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let told = read(good).expect("a parent");
        assert_eq!(
            told.trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_eq!(told.span_id().to_string(), "b7ad6b7169203331");
        assert!(told.is_sampled() && told.is_remote());
        assert!(read(&good.replacen("00-", "01-", 1).replace("-01", "-01-more")).is_some());
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn without_a_trace_there_is_nothing_to_pass_on() {
        assert!(header().is_none() && ids().is_none());
        let headers = HeaderMap::new();
        assert!(attempt(&headers, "s", "h").is_none() || ids().is_none());
    }
}
