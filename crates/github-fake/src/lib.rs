//! A GitHub of a test's own: its routes over real HTTP, with state. It checks the App's proof and each token's repository
//! and permissions, as GitHub does, and keeps every request.
//!
//! Not the whole API: what the adapter calls, and nothing more. A dev-dependency.

mod keys;
mod repositories;
mod routes;

pub use keys::{Keys, keys};
pub use repositories::Commit;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Number of the App.
pub const APP: i64 = 4711;
/// Number of its installation.
pub const INSTALLATION: i64 = 42;
/// The repository there is.
pub const REPOSITORY: &str = "acme/shop";
/// A repository anybody may read.
pub const PUBLIC: &str = "acme/open";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Like `GET /repos/acme/shop/commits/main?page=1`, the path as it was escaped.
    pub line: String,
    /// Its body; null where there is none.
    pub body: Value,
    /// The token or the proof it came with.
    pub bearer: Option<String>,
}

/// Instead of what would be answered.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// This status, header and body.
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
    /// It is done, and the connection breaks before the answer.
    DoneThenGone,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    trouble: VecDeque<Trouble>,
    tokens: Vec<repositories::Issued>,
    repositories: repositories::Repositories,
    /// Seconds a token lasts.
    token_life: i64,
    deployments: Vec<Value>,
    statuses: Vec<(String, Value)>,
    comments: Vec<Value>,
    files: usize,
    comparisons: BTreeMap<String, Value>,
    heads: BTreeMap<String, String>,
    pull_files: Vec<String>,
    open_pulls: BTreeMap<String, i64>,
    next: i64,
}

/// A running GitHub; dropping it closes its port.
pub struct Fake {
    addr: SocketAddr,
    state: Arc<Mutex<State>>,
    public_key: Arc<String>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fake")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl Fake {
    /// Knows the App by its public key (PEM).
    ///
    /// # Panics
    /// There is no port.
    pub async fn start(public_key: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State {
            token_life: 3_600,
            next: 100,
            ..State::default()
        }));
        let public_key = Arc::new(public_key.to_owned());
        let (shared, key) = (state.clone(), public_key.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, key) = (shared.clone(), key.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let (state, key) = (state.clone(), key.clone());
                        async move { routes::answer(&state, &key, request).await }
                    });
                    // a client that goes away is as good as one that stays
                    let _ended = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            addr,
            state,
            public_key,
            accepting,
        }
    }

    /// Base address of its API.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The key by which it knows the App, PEM.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was asked with this beginning.
    pub fn seen(&self, beginning: &str) -> Vec<Seen> {
        let state = self.state();
        let hit = |s: &&Seen| s.line.starts_with(beginning);
        state.seen.iter().filter(hit).cloned().collect()
    }

    /// The next requests that are not for a token meet this, one each.
    pub fn trouble(&self, trouble: impl IntoIterator<Item = Trouble>) {
        self.state().trouble.extend(trouble);
    }

    /// Tokens made from now on last so many seconds.
    pub fn token_life(&self, seconds: i64) {
        self.state().token_life = seconds;
    }

    /// So many files changed with every commit.
    pub fn files(&self, count: usize) {
        self.state().files = count;
    }

    /// How two commits compare, `before...after`: GitHub's word for it, and the files. Any others are `ahead` by two files.
    pub fn comparison(&self, range: &str, status: &str, files: &[&str]) {
        let files: Vec<Value> = files.iter().map(|f| json!({ "filename": f })).collect();
        let said = json!({ "status": status, "files": files });
        self.state().comparisons.insert(range.to_owned(), said);
    }

    /// The commit a branch, or another reference, is at.
    pub fn head(&self, reference: &str, sha: &str) {
        let (reference, sha) = (reference.to_owned(), sha.to_owned());
        self.state().heads.insert(reference, sha);
    }

    /// What every pull request changes.
    pub fn pull_files(&self, files: &[&str]) {
        self.state().pull_files = files.iter().map(|f| (*f).to_owned()).collect();
    }

    /// A pull request is open for this head, `owner:branch`.
    pub fn open_pull(&self, head: &str, number: i64) {
        self.state().open_pulls.insert(head.to_owned(), number);
    }

    /// Somebody deletes a comment.
    pub fn remove_comment(&self, id: i64) {
        self.state().comments.retain(|c| c["id"] != id);
    }

    /// A comment as somebody has written it, through an App or by hand.
    pub fn comment(&self, pull: i64, body: &str, app: Option<i64>) -> i64 {
        let mut state = self.state();
        state.next += 1;
        let id = state.next;
        let app = app.map_or(Value::Null, |id| json!({ "id": id }));
        let comment =
            json!({ "id": id, "pull": pull, "body": body, "performed_via_github_app": app });
        state.comments.push(comment);
        id
    }

    /// All comments, oldest first.
    pub fn comments(&self) -> Vec<Value> {
        self.state().comments.clone()
    }

    /// All deployments, oldest first.
    pub fn deployments(&self) -> Vec<Value> {
        self.state().deployments.clone()
    }

    /// Statuses of deployments and commits: what they are of, and what they say.
    pub fn statuses(&self) -> Vec<(String, Value)> {
        self.state().statuses.clone()
    }
}
