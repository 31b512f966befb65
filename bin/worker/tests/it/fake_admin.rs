//! Restate's admin API as far as registration needs it: a script of answers, and what was asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

/// A listening fake. The last answer of the script is repeated for ever.
#[derive(Clone)]
pub(crate) struct FakeAdmin {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl FakeAdmin {
    /// Listens on a free loopback port, on the runtime of the tests.
    pub(crate) async fn start(script: Vec<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let fake = Self {
            address,
            asked: Arc::default(),
            script: Arc::new(Mutex::new(script.into())),
        };
        let served = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = served.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let fake = fake.clone();
                        async move { Ok::<_, Infallible>(fake.answer(request).await) }
                    });
                    // A client that goes away is no concern of the fake.
                    let _ended = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        fake
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(|b| String::from_utf8_lossy(&b.to_bytes()).into_owned())
            .unwrap_or_default();
        let line = format!("{} {}", head.method, head.uri.path());
        if line == "POST /query" {
            // Not part of the script: what the worker before left in Restate, which is nothing.
            return Response::new(Full::from(r#"{"rows":[]}"#));
        }
        if line == "GET /version" {
            // Nor this.
            return Response::new(Full::from(r#"{"version":"1.7.12"}"#));
        }
        if line.contains("/hydra.v1.") {
            // Nor this: the clock arms its jobs through the ingress, which is at the same address here.
            return Response::new(Full::from("{}"));
        }
        let asked = Asked {
            line,
            headers: head.headers,
            body,
            at: Instant::now(),
        };
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(asked);
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, text) = if script.len() > 1 {
            script.pop_front()
        } else {
            script.front().cloned()
        }
        .unwrap_or((200, String::new()));
        Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Full::from(text))
            .expect("a response of constant parts")
    }
}
