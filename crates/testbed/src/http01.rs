//! The port 80 of every name of a test: answers `/.well-known/acme-challenge/<token>` from a table the test sets, or as
//! the edge does from `acme_challenges`.
//!
//! Not the edge: no routes, no redirects; that a name leads here is the DNS server's word.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use sqlx::mysql::MySqlPool;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;

const PATH: &str = "/.well-known/acme-challenge/";

/// Where answers come from.
#[async_trait::async_trait]
pub trait TokenSource: Send + Sync + 'static {
    /// What a host answers for a token; `None`: nothing. An error is answered with 500 and printed.
    async fn answer(&self, host: &str, token: &str) -> Result<Option<String>, String>;
}

#[derive(Default)]
struct Shared {
    tokens: Mutex<BTreeMap<String, String>>,
    sources: Mutex<Vec<Arc<dyn TokenSource>>>,
    asked: Mutex<Vec<(String, String)>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running responder; dropping it closes its port.
pub struct Http01 {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

impl std::fmt::Debug for Http01 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http01")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl Http01 {
    /// Listens on a loopback port of the system's choice; it has no answers yet.
    ///
    /// # Errors
    /// No port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self {
            addr,
            shared,
            accepting,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers a token, whatever the host.
    pub fn set(&self, token: &str, answer: &str) {
        locked(&self.shared.tokens).insert(token.to_owned(), answer.to_owned());
    }

    /// Asks this source for tokens that were not set, after the sources added before.
    pub fn also(&self, source: Arc<dyn TokenSource>) {
        locked(&self.shared.sources).push(source);
    }

    /// How often a host was asked for a token.
    pub fn asked(&self, host: &str) -> usize {
        let asked = locked(&self.shared.asked);
        asked.iter().filter(|(h, _)| h == host).count()
    }
}

impl Drop for Http01 {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The responder of this test process.
pub async fn http01() -> &'static Http01 {
    static SERVER: OnceCell<Http01> = OnceCell::const_new();
    SERVER
        .get_or_init(|| async {
            // on the runtime all tests share, not on that of a caller that may end before
            let started = crate::runtime().spawn(Http01::start()).await;
            started
                .expect("the responder's start does not panic")
                .unwrap_or_else(|e| panic!("HTTP-01 responder on loopback: {e}"))
        })
        .await
}

/// Answers as the edge does: the challenge of the domain that has the host's name, its workspace and the token.
#[derive(Debug, Clone)]
pub struct ChallengeRows(MySqlPool);

impl ChallengeRows {
    /// Of the database with this URL (`mysql://user:password@host:port/name`).
    ///
    /// # Panics
    /// The URL is none.
    pub fn of(url: &str) -> Self {
        Self(MySqlPool::connect_lazy(url).unwrap_or_else(|e| panic!("database of challenges: {e}")))
    }
}

#[async_trait::async_trait]
impl TokenSource for ChallengeRows {
    async fn answer(&self, host: &str, token: &str) -> Result<Option<String>, String> {
        let found: Option<String> = sqlx::query_scalar(
            "SELECT c.`authorization` FROM custom_domains d \
             JOIN acme_challenges c ON c.domain_id = d.id AND c.workspace_id = d.workspace_id \
             WHERE d.domain = ? AND c.token = ? AND c.`authorization` <> '' LIMIT 1",
        )
        .bind(host)
        .bind(token)
        .fetch_optional(&self.0)
        .await
        .map_err(|e| e.to_string())?;
        Ok(found)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let shared = shared.clone();
                async move { Ok::<_, Infallible>(respond(&shared, &request).await) }
            });
            // a client that goes away in the middle is its own business
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn respond(shared: &Shared, request: &Request<Incoming>) -> Response<String> {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|h| h.to_str().ok()).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().to_owned();
    let Some(token) = request.uri().path().strip_prefix(PATH) else {
        return answer(StatusCode::NOT_FOUND, String::new());
    };
    locked(&shared.asked).push((host.clone(), token.to_owned()));
    if let Some(text) = locked(&shared.tokens).get(token) {
        return answer(StatusCode::OK, text.clone());
    }
    let sources = locked(&shared.sources).clone();
    for source in sources {
        match source.answer(&host, token).await {
            Ok(Some(text)) => return answer(StatusCode::OK, text),
            Ok(None) => {}
            Err(why) => {
                eprintln!("HTTP-01 answer for {host}: {why}");
                return answer(StatusCode::INTERNAL_SERVER_ERROR, String::new());
            }
        }
    }
    answer(StatusCode::NOT_FOUND, String::new())
}

fn answer(status: StatusCode, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response
}
