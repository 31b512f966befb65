//! A forwarder between the service and ClickHouse: knows every statement that passed, can hold it up, and lets a test look
//! around between a statement's effect and its answer.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;

/// A statement that passed.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Its text, without the values of its parameters.
    pub(crate) sql: String,
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
}

type Look = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Clone)]
struct Rule {
    /// Statements with this text…
    about: String,
    /// …wait so long before they go on…
    delay: Duration,
    /// …and before their answer is passed on, this is done.
    look: Option<Look>,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    rules: Vec<Rule>,
}

/// A running forwarder. It serves until the process ends.
#[derive(Clone)]
pub(crate) struct Tap {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Tap {
    pub(crate) async fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, http, upstream) = (Arc::clone(&shared), http.clone(), upstream.clone());
                let service = service_fn(move |request| {
                    let (state, http, upstream) =
                        (Arc::clone(&state), http.clone(), upstream.clone());
                    async move { Ok::<_, Infallible>(pass(&state, &http, &upstream, request).await) }
                });
                tokio::spawn(async move {
                    let _closed = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, state }
    }

    /// Statements that contain the text, in the order of their beginning.
    pub(crate) fn seen(&self, about: &str) -> Vec<Seen> {
        let state = lock(&self.state);
        let of = state.seen.iter().filter(|s| s.sql.contains(about));
        let mut of: Vec<Seen> = of.cloned().collect();
        of.sort_by_key(|s| s.begun);
        of
    }

    /// From now on statements with this text wait before they go on.
    pub(crate) fn delay(&self, about: &str, delay: Duration) {
        lock(&self.state).rules.push(Rule {
            about: about.to_owned(),
            delay,
            look: None,
        });
    }

    /// From now on, after each statement with this text and before its answer, this is done.
    pub(crate) fn after_each<F, Fut>(&self, about: &str, look: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        lock(&self.state).rules.push(Rule {
            about: about.to_owned(),
            delay: Duration::ZERO,
            look: Some(Arc::new(move || Box::pin(look()))),
        });
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(
    state: &Mutex<State>,
    http: &reqwest::Client,
    upstream: &str,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|b| b.to_bytes())
        .unwrap_or_default();
    let sql = statement(&String::from_utf8_lossy(&body));
    let rules: Vec<Rule> = {
        let state = lock(state);
        let about = state.rules.iter().filter(|r| sql.contains(&r.about));
        about.cloned().collect()
    };
    let begun = Instant::now();
    for rule in &rules {
        tokio::time::sleep(rule.delay).await;
    }
    let query = head
        .uri
        .query()
        .map(|q| format!("?{q}"))
        .unwrap_or_default();
    let mut onward = http.post(format!("{upstream}{query}")).body(body);
    for (name, value) in &head.headers {
        if !matches!(
            name.as_str(),
            "host" | "content-length" | "transfer-encoding" | "connection"
        ) {
            onward = onward.header(name, value);
        }
    }
    let answer = onward.send().await;
    let mut response = Response::new(Full::default());
    match answer {
        Ok(answer) => {
            *response.status_mut() = answer.status();
            if let Some(code) = answer.headers().get("x-clickhouse-exception-code") {
                response
                    .headers_mut()
                    .insert("x-clickhouse-exception-code", code.clone());
            }
            *response.body_mut() = Full::new(answer.bytes().await.unwrap_or_default());
        }
        Err(_) => *response.status_mut() = http::StatusCode::BAD_GATEWAY,
    }
    lock(state).seen.push(Seen {
        sql,
        begun,
        ended: Instant::now(),
    });
    for look in rules.iter().filter_map(|r| r.look.clone()) {
        look().await;
    }
    response
}

/// The statement of a request: its body, or the part `query` of a form with parameters.
fn statement(body: &str) -> String {
    match body.split_once("name=\"query\"") {
        None => body.to_owned(),
        Some((_, part)) => part
            .split("\r\n\r\n")
            .nth(1)
            .and_then(|rest| rest.split("\r\n--").next())
            .unwrap_or_default()
            .to_owned(),
    }
}
