//! A GitHub of a test's own: its routes over real HTTP, with state. It checks the App's proof and each token's repository
//! and permissions, as GitHub does, and keeps every request.
//!
//! Not the whole API: what the adapter calls, and nothing more.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Number of the App.
pub(crate) const APP: i64 = 4711;
/// Number of its installation.
pub(crate) const INSTALLATION: i64 = 42;
/// The repository there is.
pub(crate) const REPOSITORY: &str = "acme/shop";
/// A repository anybody may read.
pub(crate) const PUBLIC: &str = "acme/open";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Like `GET /repos/acme/shop/commits/main?page=1`, the path as it was escaped.
    pub(crate) line: String,
    pub(crate) body: Value,
    pub(crate) bearer: Option<String>,
}

/// Instead of what would be answered.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// This status, header and body.
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
    /// It is done, and the connection breaks before the answer.
    DoneThenGone,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    trouble: VecDeque<Trouble>,
    tokens: Vec<(String, Value)>,
    /// Seconds a token lasts.
    token_life: i64,
    deployments: Vec<Value>,
    statuses: Vec<(String, Value)>,
    comments: Vec<Value>,
    files: usize,
    next: i64,
}

pub(crate) struct Fake {
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

impl Fake {
    /// Knows the App by its public key (PEM).
    pub(crate) async fn start(public_key: &str) -> Self {
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
                        async move { answer(&state, &key, request).await }
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

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn public_key(&self) -> &str {
        &self.public_key
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was asked with this beginning.
    pub(crate) fn seen(&self, beginning: &str) -> Vec<Seen> {
        let state = self.state();
        let hit = |s: &&Seen| s.line.starts_with(beginning);
        state.seen.iter().filter(hit).cloned().collect()
    }

    /// The next requests that are not for a token meet this, one each.
    pub(crate) fn trouble(&self, trouble: impl IntoIterator<Item = Trouble>) {
        self.state().trouble.extend(trouble);
    }

    pub(crate) fn token_life(&self, seconds: i64) {
        self.state().token_life = seconds;
    }

    /// So many files changed with every commit.
    pub(crate) fn files(&self, count: usize) {
        self.state().files = count;
    }

    /// A comment as somebody has written it, through an App or by hand.
    pub(crate) fn comment(&self, body: &str, app: Option<i64>) -> i64 {
        let mut state = self.state();
        state.next += 1;
        let id = state.next;
        let app = app.map_or(Value::Null, |id| json!({ "id": id }));
        let comment = json!({ "id": id, "body": body, "performed_via_github_app": app });
        state.comments.push(comment);
        id
    }

    pub(crate) fn comments(&self) -> Vec<Value> {
        self.state().comments.clone()
    }

    pub(crate) fn deployments(&self) -> Vec<Value> {
        self.state().deployments.clone()
    }

    /// Statuses of deployments and commits: what they are of, and what they say.
    pub(crate) fn statuses(&self) -> Vec<(String, Value)> {
        self.state().statuses.clone()
    }
}

type Answer = Result<Response<Full<Bytes>>, std::io::Error>;

async fn answer(state: &Mutex<State>, key: &str, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let body: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
    let header = parts.headers.get("authorization");
    let bearer = header
        .and_then(|h| h.to_str().ok())
        .and_then(|h| h.strip_prefix("Bearer "))
        .map(str::to_owned);
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.seen.push(Seen {
        line: format!("{} {}", parts.method, parts.uri),
        body: body.clone(),
        bearer: bearer.clone(),
    });
    for name in ["user-agent", "accept", "x-github-api-version"] {
        if !parts.headers.contains_key(name) {
            return plain(400, &json!({ "message": format!("no {name}") }));
        }
    }
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    if let ["app", "installations", number, "access_tokens"] = path[..] {
        return token(&mut state, key, number, bearer.as_deref(), &body);
    }
    let trouble = state.trouble.pop_front();
    if let Some(Trouble::Answer(status, headers, text)) = trouble {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        return Ok(response.body(Full::from(text)).expect("a response"));
    }
    let (status, said) = route(
        &mut state,
        &parts.method,
        &path,
        parts.uri.query(),
        bearer.as_deref(),
        &body,
    );
    match trouble {
        Some(Trouble::DoneThenGone) => Err(std::io::Error::other("gone")),
        _ => plain(status, &said),
    }
}

fn plain(status: u16, body: &Value) -> Answer {
    let status = StatusCode::from_u16(status).expect("a status");
    let response = Response::builder().status(status);
    Ok(response
        .body(Full::from(body.to_string()))
        .expect("a response"))
}

/// The rights of the token, where it is one of ours for this repository; nothing for nobody.
fn rights(state: &State, bearer: Option<&str>, name: &str) -> Option<Value> {
    let bearer = bearer?;
    let (_, scope) = state.tokens.iter().find(|(token, _)| token == bearer)?;
    let repositories = scope["repositories"].as_array()?;
    repositories
        .iter()
        .any(|r| r == name)
        .then(|| scope["permissions"].clone())
}

fn token(state: &mut State, key: &str, number: &str, bearer: Option<&str>, body: &Value) -> Answer {
    let mut rules = Validation::new(Algorithm::RS256);
    rules.leeway = 0;
    rules.set_issuer(&[APP.to_string()]);
    let key = DecodingKey::from_rsa_pem(key.as_bytes()).expect("a public key");
    let claims = jsonwebtoken::decode::<Value>(bearer.unwrap_or_default(), &key, &rules);
    let Ok(claims) = claims.map(|c| c.claims) else {
        return plain(
            401,
            &json!({ "message": "A JSON web token could not be decoded" }),
        );
    };
    let (iat, exp) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    // by a clock that is half a minute behind
    let fresh = iat.is_some_and(|t| t <= now - 30) && exp.is_some_and(|t| t <= now - 30 + 600);
    if !fresh {
        return plain(
            401,
            &json!({ "message": "'Expiration time' or 'Issued at' is off" }),
        );
    }
    if number != INSTALLATION.to_string() {
        return plain(404, &json!({ "message": "Not Found" }));
    }
    if body["repositories"] != json!(["shop"]) && body["repositories"] != json!(["open"]) {
        return plain(
            422,
            &json!({ "message": "There is at least one repository that does not exist" }),
        );
    }
    state.next += 1;
    let secret = format!("ghs_{}", state.next);
    state.tokens.push((secret.clone(), body.clone()));
    let ends = time::OffsetDateTime::now_utc() + time::Duration::seconds(state.token_life);
    let ends = ends
        .format(&time::format_description::well_known::Rfc3339)
        .expect("a time");
    plain(201, &json!({ "token": secret, "expires_at": ends }))
}

fn route(
    state: &mut State,
    method: &Method,
    path: &[&str],
    query: Option<&str>,
    bearer: Option<&str>,
    body: &Value,
) -> (u16, Value) {
    let not_found = || (404, json!({ "message": "Not Found" }));
    let ["repos", owner, name, rest @ ..] = path else {
        return not_found();
    };
    let repository = format!("{owner}/{name}");
    let rights = rights(state, bearer, name);
    if rights.is_none() && (repository != PUBLIC || bearer.is_some()) {
        return if bearer.is_some() {
            (401, json!({ "message": "Bad credentials" }))
        } else {
            not_found()
        };
    }
    if repository != REPOSITORY && repository != PUBLIC {
        return not_found();
    }
    let may = |what: &str, how: &str| {
        let has = rights
            .as_ref()
            .map(|r| r[what].as_str().unwrap_or_default());
        has.is_none_or(|has| has == how || has == "write")
    };
    let forbidden = || {
        (
            403,
            json!({ "message": "Resource not accessible by integration" }),
        )
    };
    let get = |name: &str| -> String {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let found = pairs.into_iter().find(|(n, _)| n == name);
        found.map_or_else(String::new, |(_, v)| v.into_owned())
    };
    let (page, size) = (
        get("page").parse().unwrap_or(1usize),
        get("per_page").parse().unwrap_or(30usize),
    );
    let slice = |all: &[Value]| -> Value {
        all.iter()
            .skip((page - 1) * size)
            .take(size)
            .cloned()
            .collect()
    };
    match (method.as_str(), rest) {
        ("GET", ["commits", reference]) => {
            if !may("contents", "read") {
                return forbidden();
            }
            if *reference == "gone" {
                return (422, json!({ "message": "No commit found for SHA: gone" }));
            }
            let files: Vec<Value> = (0..state.files)
                .map(|n| json!({ "filename": format!("src/{n}.rs"), "status": "modified" }))
                .collect();
            (
                200,
                json!({
                    "sha": "0123456789abcdef0123456789abcdef01234567",
                    "commit": { "message": "Fix the cart\r\n\r\nIt was empty.", "author": { "date": "2026-01-02T03:04:05Z" } },
                    "author": { "login": "octo", "avatar_url": "https://example.test/octo.png" },
                    "files": slice(&files),
                }),
            )
        }
        ("GET", ["compare", _]) => (
            200,
            json!({ "files": [
            { "filename": "new.rs", "previous_filename": "old.rs", "status": "renamed" },
            { "filename": "docs/a.md", "status": "added" },
        ] }),
        ),
        ("GET", ["deployments"]) => {
            let (sha, environment) = (get("sha"), get("environment"));
            let hit = |d: &&Value| d["sha"] == *sha && d["environment"] == *environment;
            let found: Vec<Value> = state.deployments.iter().filter(hit).cloned().collect();
            (200, Value::Array(found))
        }
        ("POST", ["deployments"]) => {
            if !may("deployments", "write") {
                return forbidden();
            }
            state.next += 1;
            let mut made = body.clone();
            made["id"] = state.next.into();
            made["sha"] = body["ref"].clone();
            state.deployments.push(made.clone());
            (201, made)
        }
        ("POST", ["deployments", id, "statuses"]) => {
            if !may("deployments", "write") {
                return forbidden();
            }
            state.statuses.push(((*id).to_owned(), body.clone()));
            (201, json!({ "id": 1 }))
        }
        ("POST", ["statuses", sha]) => {
            if !may("statuses", "write") {
                return forbidden();
            }
            state.statuses.push(((*sha).to_owned(), body.clone()));
            (201, json!({ "id": 1 }))
        }
        ("GET", ["pulls"]) => {
            let open = (get("state") == "open", get("head"));
            match open {
                (true, head) if head == "acme:feat/a&b" => (200, json!([{ "number": 7 }])),
                _ => (200, json!([])),
            }
        }
        ("GET", ["issues", "7", "comments"]) => (200, slice(&state.comments)),
        ("POST", ["issues", "7", "comments"]) => {
            if !may("pull_requests", "write") {
                return forbidden();
            }
            state.next += 1;
            let made = json!({ "id": state.next, "body": body["body"], "performed_via_github_app": { "id": APP } });
            state.comments.push(made.clone());
            (201, made)
        }
        ("PATCH", ["issues", "comments", id]) => {
            let mut all = state.comments.iter_mut();
            match all.find(|c| c["id"].as_i64() == id.parse().ok()) {
                Some(comment) => {
                    comment["body"] = body["body"].clone();
                    (200, comment.clone())
                }
                None => not_found(),
            }
        }
        _ => not_found(),
    }
}
