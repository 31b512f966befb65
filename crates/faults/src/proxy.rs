//! The proxy: where the server connects to, where the worker is, what has passed.
//!
//! Not for what is done with the messages of an attempt (see `stream`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Request, Response, Uri, Version, header};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use testbed::Served;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::message::Seen;
use crate::pipe::{BoxError, pipe};
use crate::rules::{Cut, CutHandle, Rules};
use crate::stream::Attempt;

const PROTOCOL: &str = "application/vnd.restate.invocation.";

type Body = UnsyncBoxBody<bytes::Bytes, BoxError>;

/// What all attempts share.
#[derive(Debug)]
pub(crate) struct Shared {
    worker: Mutex<SocketAddr>,
    journal: Mutex<Vec<Seen>>,
    attempts: Mutex<BTreeMap<String, u32>>,
    pub(crate) rules: Arc<Rules>,
}

impl Shared {
    /// Counts an attempt of this invocation.
    pub(crate) fn begin(&self, invocation: &str) -> u32 {
        let mut attempts = lock(&self.attempts);
        let attempt = attempts.entry(invocation.to_owned()).or_default();
        *attempt += 1;
        *attempt
    }

    pub(crate) fn note(&self, seen: Seen) {
        lock(&self.journal).push(seen);
    }
}

/// A running proxy; dropping it closes the port and every stream.
#[derive(Debug)]
pub struct StreamProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
    /// A worker in this process that lives as long as the proxy.
    _served: Option<Served>,
}

impl StreamProxy {
    /// Listens on a loopback port and passes everything on to the worker there, on the current runtime.
    ///
    /// # Errors
    /// The system gives no port.
    pub async fn start(worker: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            worker: Mutex::new(worker),
            journal: Mutex::default(),
            attempts: Mutex::default(),
            rules: Arc::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            addr,
            shared,
            accepting,
            _served: None,
        })
    }

    pub(crate) fn keeping(mut self, served: Served) -> Self {
        self._served = Some(served);
        self
    }

    /// What to register with Restate instead of the worker's own address, `http://127.0.0.1:…`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Sends new requests elsewhere; streams that are open stay where they are.
    pub fn retarget(&self, worker: SocketAddr) {
        *lock(&self.shared.worker) = worker;
    }

    /// Every message that workers have sent since the start or the last [`Self::forget`], in order. Commands that the
    /// server had before an attempt are not in it; a command sent again after a cut is in it twice.
    pub fn journal(&self) -> Vec<Seen> {
        lock(&self.shared.journal).clone()
    }

    /// The commands of all invocations of a handler, in order of their first sending, each once.
    pub fn commands(&self, service: &str, handler: &str) -> Vec<Seen> {
        let mut found: Vec<Seen> = Vec::new();
        for seen in self.journal() {
            let wanted =
                seen.kind.is_command() && seen.service == service && seen.handler == handler;
            let again = |f: &Seen| f.invocation == seen.invocation && f.index == seen.index;
            if wanted && !found.iter().any(again) {
                found.push(seen);
            }
        }
        found
    }

    /// Empties the journal. Attempts are still counted on.
    pub fn forget(&self) {
        lock(&self.shared.journal).clear();
    }

    /// Puts a rule in force until it is used up or the handle is dropped.
    pub fn cut(&self, cut: Cut) -> CutHandle {
        self.shared.rules.add(cut)
    }
}

impl Drop for StreamProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // owned here, so that ending this task also ends the connections
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        // without it small messages wait for the delayed acknowledgement of the peer
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        // one client a connection: limits on streams then are as they would be without us
        let client = client();
        let service = service_fn(move |request| pass(request, client.clone(), Arc::clone(&shared)));
        connections.spawn(async move {
            let _ = Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn client() -> Client<HttpConnector, Body> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .http2_only(true)
        .build(connector)
}

/// An error resets the stream, which is what the server sees of a worker that is not there.
async fn pass(
    mut request: Request<Incoming>,
    client: Client<HttpConnector, Body>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, BoxError> {
    let worker = *lock(&shared.worker);
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |p| p.as_str())
        .to_owned();
    *request.uri_mut() = Uri::builder()
        .scheme("http")
        .authority(worker.to_string())
        .path_and_query(path)
        .build()?;
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().remove(header::HOST);

    let Some(attempt) = attempt(&request, shared) else {
        let response = client.request(request.map(whole)).await?;
        return Ok(response.map(whole));
    };
    let (parts, from_server) = request.into_parts();
    let (to_worker, worker_reads) = pipe();
    tokio::spawn(Arc::clone(&attempt).to_worker(from_server, to_worker));
    let response = client
        .request(Request::from_parts(parts, worker_reads.boxed_unsync()))
        .await?;
    if !speaks_protocol(response.headers()) {
        // a refusal in words
        return Ok(response.map(whole));
    }
    let (parts, from_worker) = response.into_parts();
    let (to_server, server_reads) = pipe();
    tokio::spawn(attempt.to_server(from_worker, to_server));
    Ok(Response::from_parts(parts, server_reads.boxed_unsync()))
}

/// The attempt a request begins: `POST /invoke/{service}/{handler}`, at any prefix.
fn attempt(request: &Request<Incoming>, shared: Arc<Shared>) -> Option<Arc<Attempt>> {
    let mut path = request.uri().path().rsplit('/');
    let (handler, service) = (path.next()?, path.next()?);
    let invoke = path.next()? == "invoke" && speaks_protocol(request.headers());
    invoke.then(|| Attempt::new(shared, service, handler))
}

fn speaks_protocol(headers: &http::HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    content_type.is_some_and(|t| t.starts_with(PROTOCOL))
}

fn whole(body: Incoming) -> Body {
    body.map_err(BoxError::from).boxed_unsync()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
