//! An outside system at its worst: refuses every request with an error that repeats whatever it was sent, path, headers and
//! body, in the places where services put their words.
//!
//! Not a fake of any of them in particular.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Statuses in turn: who is refused reacts otherwise than who is to come back.
const STATUSES: [u16; 4] = [401, 500, 403, 400];

/// A running one; dropping it closes its port.
#[derive(Debug)]
pub(crate) struct Echo {
    addr: SocketAddr,
    asked: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Echo {
    pub(crate) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let count = count.clone();
                let service = service_fn(move |request| answer(count.clone(), request));
                tokio::spawn(async move {
                    // a client that goes away is as good as one that stays
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(Self {
            addr,
            asked,
            accepting,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn answer(
    count: Arc<AtomicUsize>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let number = count.fetch_add(1, Ordering::Relaxed);
    let (head, body) = request.into_parts();
    let mut said = format!("cannot {} {}", head.method, head.uri);
    for (name, value) in &head.headers {
        let _ = write!(
            said,
            " {name}: {}",
            String::from_utf8_lossy(value.as_bytes())
        );
    }
    let body = body
        .collect()
        .await
        .map(|b| b.to_bytes())
        .unwrap_or_default();
    let _ = write!(said, " {}", String::from_utf8_lossy(&body));
    let words = serde_json::json!({
        "message": said, "error": said, "code": "unauthenticated", "detail": said, "title": said,
        "type": "urn:ietf:params:acme:error:malformed", "error_description": said, "errors": [{ "message": said }],
    });
    let status = STATUSES[number % STATUSES.len()];
    let escaped = percent_encoding::utf8_percent_encode(&said, percent_encoding::CONTROLS);
    let header: String = escaped
        .to_string()
        .chars()
        .filter(char::is_ascii)
        .take(4_000)
        .collect();
    let json = Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("grpc-status", "16")
        .header("grpc-message", &header)
        .header("x-clickhouse-exception-code", "516")
        .header("location", &header)
        .body(Full::from(words.to_string()));
    Ok(json.unwrap_or_else(|_| Response::new(Full::from(said))))
}
