//! The second listener: `GET /metrics` and nothing else.
//!
//! It has a port of its own so that it can be firewalled apart from the endpoint Restate calls.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::TelemetryError;
use crate::metrics::Recorder;

const UPKEEP: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A bound port that serves once [`Listener::serve`] runs.
pub struct Listener {
    socket: TcpListener,
    recorder: Recorder,
}

impl Listener {
    /// Takes the port.
    ///
    /// # Errors
    /// The port is in use or not allowed.
    pub async fn bind(address: SocketAddr, recorder: Recorder) -> Result<Self, TelemetryError> {
        let socket = TcpListener::bind(address)
            .await
            .map_err(|source| TelemetryError::Listen { address, source })?;
        Ok(Self { socket, recorder })
    }

    /// Where it listens; of interest after binding port 0.
    pub fn address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// Serves until `stop` is cancelled.
    pub async fn serve(self, stop: CancellationToken) {
        let mut upkeep = tokio::time::interval(UPKEEP);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = upkeep.tick() => self.recorder.upkeep(),
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, _)) => {
                        let recorder = self.recorder.clone();
                        let stop = stop.clone();
                        tokio::spawn(async move {
                            let service = service_fn(move |r| answer(r, recorder.clone()));
                            let connection = hyper::server::conn::http1::Builder::new()
                                .timer(TokioTimer::new())
                                .header_read_timeout(READ_TIMEOUT)
                                .serve_connection(TokioIo::new(stream), service);
                            tokio::select! {
                                _ = connection => {}
                                () = stop.cancelled() => {}
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "metrics: a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    recorder: Recorder,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if request.method() != Method::GET && request.method() != Method::HEAD {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    } else {
        let kind = header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        *response.body_mut() = Full::from(recorder.render());
    }
    Ok(response)
}
