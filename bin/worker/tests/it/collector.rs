//! A collector of traces: takes OTLP over HTTP, as the worker sends it, and over gRPC, as Restate does, and keeps every span.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;
use tokio::net::TcpListener;

/// Before each message of gRPC: whether it is compressed, and its length.
const FRAME: usize = 5;

/// One span.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `service.name` of whoever sent it.
    pub(crate) of: String,
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty: a root.
    pub(crate) parent: String,
    /// Its attributes with a text.
    pub(crate) attributes: Vec<(String, String)>,
    /// Whether it ended in an error.
    pub(crate) failed: bool,
}

/// A listening collector.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    spans: Arc<Mutex<Vec<Seen>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let collector = Self {
            address: listener.local_addr().expect("bound"),
            spans: Arc::default(),
        };
        let served = collector.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let collector = served.clone();
                let service = service_fn(move |request| {
                    let collector = collector.clone();
                    async move { Ok::<_, Infallible>(collector.answer(request).await) }
                });
                tokio::spawn(async move {
                    // a client that goes away is no concern of the collector
                    let _ended = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        collector
    }

    /// The spans of a trace.
    pub(crate) fn trace(&self, id: &str) -> Vec<Seen> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.iter().filter(|s| s.trace == id).cloned().collect()
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
        let grpc = request.uri().path().ends_with("TraceService/Export");
        let body = request.into_body().collect().await;
        let body = body.map(|b| b.to_bytes()).unwrap_or_default();
        let message = if grpc {
            body.get(FRAME..).unwrap_or_default()
        } else {
            &body[..]
        };
        if let Ok(export) = ExportTraceServiceRequest::decode(message) {
            self.keep(export);
        }
        if !grpc {
            return Response::new(Full::default().boxed_unsync());
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let empty = Full::new(Bytes::from_static(&[0; FRAME]));
        let body = empty.with_trailers(std::future::ready(Some(Ok(trailers))));
        let mut response = Response::new(body.boxed_unsync());
        let kind = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert("content-type", kind);
        response
    }

    fn keep(&self, export: ExportTraceServiceRequest) {
        let hex = |id: &[u8]| id.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let text = |value: Option<Value>| match value {
            Some(Value::StringValue(text)) => Some(text),
            _ => None,
        };
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in export.resource_spans {
            let of = resource.resource.into_iter().flat_map(|r| r.attributes);
            let of = of.filter(|a| a.key == "service.name");
            let of = of
                .filter_map(|a| text(a.value?.value))
                .next()
                .unwrap_or_default();
            for span in resource.scope_spans.into_iter().flat_map(|s| s.spans) {
                let attributes = span.attributes.into_iter();
                spans.push(Seen {
                    of: of.clone(),
                    name: span.name,
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    attributes: attributes
                        .filter_map(|a| Some((a.key, text(a.value?.value)?)))
                        .collect(),
                    failed: span.status.is_some_and(|s| s.code == 2),
                });
            }
        }
    }
}
