//! The one server: health routes and the Restate endpoint on one port, HTTP/1.1 and HTTP/2 without TLS.
//!
//! TCP_NODELAY is on, without which calls on one key take several times as long. When told to stop it sends GOAWAY
//! and lets running invocations end; until they have, it goes on answering the health routes. Not for `/metrics`,
//! which has a listener of its own.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use restate_sdk::endpoint::{Endpoint, HandleOptions, ProtocolMode, ResponseBody};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::health::{Health, Phase};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Invocations one connection may carry at a time. Restate's own default limit of a node is 1 000.
const STREAMS: u32 = 1_000;

/// A bound port and what is served on it.
pub struct Server {
    socket: TcpListener,
    site: Arc<Site>,
}

struct Site {
    endpoint: Endpoint,
    health: Arc<Health>,
}

/// Takes the configured port: `listen` where it is set, else `port` on all interfaces, with IPv6 where the system has it.
///
/// # Errors
/// The port is in use or not allowed.
pub async fn bind(listen: &str, port: u16) -> io::Result<TcpListener> {
    if let Ok(address) = listen.parse::<SocketAddr>() {
        return TcpListener::bind(address).await;
    }
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
        }
        other => other,
    }
}

impl Server {
    /// Serves this endpoint and these health routes once [`Server::run`] runs.
    pub fn new(socket: TcpListener, endpoint: Endpoint, health: Arc<Health>) -> Self {
        Self {
            socket,
            site: Arc::new(Site { endpoint, health }),
        }
    }

    /// Serves until `stop` is cancelled, then gives running requests up to `drain` to end. Says whether all did.
    pub async fn run(self, stop: CancellationToken, drain: Duration) -> bool {
        let graceful = GracefulShutdown::new();
        let cut = CancellationToken::new();
        let builder = builder();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.socket.accept() => if let Some(stream) = usable(accepted).await {
                    let connection = builder.serve_connection(TokioIo::new(stream), service(self.site.clone()));
                    spawn(graceful.watch(connection.into_owned()), cut.clone());
                }
            }
        }
        let mut drained = std::pin::pin!(graceful.shutdown());
        let mut deadline = std::pin::pin!(tokio::time::sleep(drain));
        let all = loop {
            tokio::select! {
                () = &mut drained => break true,
                () = &mut deadline => break false,
                accepted = self.socket.accept() => if let Some(stream) = usable(accepted).await {
                    let connection = builder.serve_connection(TokioIo::new(stream), service(self.site.clone()));
                    spawn(connection.into_owned(), cut.clone());
                }
            }
        };
        cut.cancel();
        all
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS);
    builder
}

/// A connection task ends with its connection, or when everything that is left is cut.
fn spawn(
    connection: impl Future<Output = Result<(), BoxError>> + Send + 'static,
    cut: CancellationToken,
) {
    tokio::spawn(async move {
        tokio::select! {
            result = connection => if let Err(error) = result {
                tracing::debug!(%error, "a connection ended badly");
            },
            () = cut.cancelled() => {}
        }
    });
}

async fn usable(accepted: io::Result<(TcpStream, SocketAddr)>) -> Option<TcpStream> {
    match accepted {
        Ok((stream, _)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::warn!(%error, "TCP_NODELAY cannot be set");
            }
            Some(stream)
        }
        Err(error) => {
            // Out of file descriptors, mostly: accepting again at once would spin.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

fn service(
    site: Arc<Site>,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send,
> + Clone {
    service_fn(move |request| {
        let site = site.clone();
        async move { Ok(site.answer(request).await) }
    })
}

impl Site {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        if let Some(response) = self.health.answer(request.method(), path).await {
            return response.map(full);
        }
        // Anything else is Restate's: `/discover` and `/invoke/{service}/{handler}`, also below a prefix.
        let segments: Vec<&str> = path.split('/').collect();
        let known = path.ends_with("/discover")
            || (segments.len() > 3 && segments[segments.len() - 3] == "invoke");
        if !known {
            return text(StatusCode::NOT_FOUND, "there is nothing here");
        }
        match self.health.phase() {
            Phase::NotStarted => return text(StatusCode::SERVICE_UNAVAILABLE, "not started"),
            Phase::ShuttingDown => return text(StatusCode::SERVICE_UNAVAILABLE, "shutting down"),
            Phase::Running => {}
        }
        let protocol_mode = if request.version() == Version::HTTP_2 {
            ProtocolMode::BidiStream
        } else {
            ProtocolMode::RequestResponse
        };
        let span = match segments.as_slice() {
            [.., "invoke", service, handler] => {
                trace_context::attempt(request.headers(), service, handler)
            }
            _ => Span::none(),
        };
        let options = HandleOptions { protocol_mode };
        self.endpoint
            .handle_with_options(request, options)
            .map(|body| Attempt { body, span }.map_err(Into::into).boxed_unsync())
    }
}

/// The answer to an invocation, which is worked on whenever it is asked for more: within the span of the attempt.
struct Attempt {
    body: ResponseBody,
    span: Span,
}

impl hyper::body::Body for Attempt {
    type Data = Bytes;
    type Error = <ResponseBody as hyper::body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let _within = this.span.enter();
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn full(body: Full<Bytes>) -> Body {
    body.map_err(|never| match never {}).boxed_unsync()
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(full(Full::from(text)));
    *response.status_mut() = status;
    response
}
