//! A fake of an HTTP server that follows a script: each answer says what happens to one request, and each request is
//! kept. For adapters: status, `Retry-After`, an effect whose answer never comes, stale, duplicate and reordered answers.
//!
//! Not for a protocol's own rules: what a body means is the test's affair.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Like `POST /restate/call`.
    pub line: String,
    /// Its body.
    pub body: Bytes,
}

/// What happens to one request.
#[derive(Debug, Clone)]
enum Step {
    Answer(Response<Bytes>),
    /// The request counts as done, the connection is closed without an answer.
    EffectThenGone,
    /// The request counts as done, no answer ever comes.
    EffectThenSilence,
    /// The answer of the request before, once more.
    Stale,
    /// Held back until the next request was answered.
    Swapped(Response<Bytes>),
    /// Later.
    After(Duration, Response<Bytes>),
}

/// The script; what is left when it ends is the last answer, again and again.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Script(VecDeque<Step>);

impl Script {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// This status and body.
    pub fn answer(self, status: u16, body: &str) -> Self {
        self.then(Step::Answer(response(status, None, body)))
    }

    /// Refused for now: 429 with `Retry-After` in seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.then(Step::Answer(response(429, Some(seconds), "")))
    }

    /// The effect happens; the connection breaks before the answer.
    pub fn effect_then_gone(self) -> Self {
        self.then(Step::EffectThenGone)
    }

    /// The effect happens; no answer ever comes.
    pub fn effect_then_silence(self) -> Self {
        self.then(Step::EffectThenSilence)
    }

    /// The answer to the request before, once more: stale for a read, duplicate for a write.
    pub fn stale(self) -> Self {
        self.then(Step::Stale)
    }

    /// Answered only after the next request was: reordered.
    pub fn swapped(self, status: u16, body: &str) -> Self {
        self.then(Step::Swapped(response(status, None, body)))
    }

    /// Answered so much later.
    pub fn after(self, delay: Duration, status: u16, body: &str) -> Self {
        self.then(Step::After(delay, response(status, None, body)))
    }

    fn then(mut self, step: Step) -> Self {
        self.0.push_back(step);
        self
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    answered: Notify,
}

#[derive(Debug)]
struct State {
    script: VecDeque<Step>,
    received: Vec<Received>,
    last: Response<Bytes>,
}

/// A running fake; dropping it closes the port.
#[derive(Debug)]
pub struct ScriptedHttp {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl ScriptedHttp {
    /// Listens on a loopback port.
    ///
    /// # Errors
    /// The system gives no port.
    pub async fn start(script: Script) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                script: script.0,
                received: Vec::new(),
                last: response(500, None, "the script is empty"),
            }),
            answered: Notify::new(),
        });
        let served = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let shared = Arc::clone(&served);
                let service = service_fn(move |request| serve(Arc::clone(&shared), request));
                connections.spawn(async move {
                    // an error is how a connection without an answer ends
                    let _ended = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(Self {
            addr,
            shared,
            accepting,
        })
    }

    /// Where it listens, `http://127.0.0.1:…`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every request so far: its effect has happened.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared).received.clone()
    }

    /// Forgets the requests so far; the script goes on.
    pub fn forget(&self) {
        lock(&self.shared).received.clear();
    }
}

impl Drop for ScriptedHttp {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, crate::pipe::BoxError> {
    let line = format!("{} {}", request.method(), request.uri().path());
    let body = request.into_body().collect().await?.to_bytes();
    let step = {
        let mut state = lock(&shared);
        state.received.push(Received { line, body });
        let last = state.last.clone();
        state.script.pop_front().unwrap_or(Step::Answer(last))
    };
    let response = match step {
        Step::Answer(response) => response,
        Step::EffectThenGone => return Err("gone".into()),
        Step::EffectThenSilence => return std::future::pending::<Result<_, _>>().await,
        Step::Stale => lock(&shared).last.clone(),
        Step::Swapped(response) => {
            shared.answered.notified().await;
            // the other answer has to leave first
            tokio::time::sleep(Duration::from_millis(50)).await;
            response
        }
        Step::After(delay, response) => {
            tokio::time::sleep(delay).await;
            response
        }
    };
    lock(&shared).last = response.clone();
    shared.answered.notify_waiters();
    Ok::<_, Infallible>(response.map(Full::new)).map_err(Into::into)
}

fn response(status: u16, retry_after: Option<u64>, body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let headers = response.headers_mut();
    headers.insert(
        "content-type",
        http::HeaderValue::from_static("application/json"),
    );
    if let Some(seconds) = retry_after {
        headers.insert("retry-after", seconds.into());
    }
    response
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}
