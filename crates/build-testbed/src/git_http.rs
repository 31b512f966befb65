//! Git over HTTP with GitHub's rules: a token as the password of `x-access-token`, 401 without a good one, 404 for a
//! repository that the token is not for.
//!
//! Not for Git itself: `git http-backend` answers.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::{JoinHandle, JoinSet};

use crate::git::environment;

/// What a token may do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read it.
    Granted,
    /// Nothing: it is good, but for something else. Looks as if the repository were not there (404).
    Hidden,
    /// Nothing: nobody knows it (401).
    Unknown,
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRequest {
    /// `owner/name`.
    pub repository: String,
    /// What follows in the path: `info/refs`, `git-upload-pack`.
    pub service: String,
    /// The token it came with.
    pub token: Option<String>,
    /// What it was answered with.
    pub status: u16,
    /// Whether commits were handed out with it.
    pub fetched: bool,
}

type Judge = Arc<dyn Fn(&str, &str) -> Access + Send + Sync>;

#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) public: BTreeSet<String>,
    pub(crate) tokens: BTreeSet<String>,
    pub(crate) judge: Option<Judge>,
    pub(crate) trouble: VecDeque<u16>,
    pub(crate) seen: Vec<GitRequest>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl Rules {
    /// The status that says no, if it does.
    fn refuse(&mut self, repository: &str, token: Option<&str>) -> Option<u16> {
        if let Some(status) = self.trouble.pop_front() {
            return Some(status);
        }
        let access = match token {
            Some(token) if self.tokens.contains(token) => Access::Granted,
            Some(token) => match &self.judge {
                Some(judge) => judge(repository, token),
                None => Access::Unknown,
            },
            None if self.public.contains(repository) => Access::Granted,
            None => Access::Unknown,
        };
        match access {
            Access::Granted => None,
            Access::Hidden if self.public.contains(repository) => None,
            Access::Hidden => Some(404),
            Access::Unknown => Some(401),
        }
    }
}

/// Serves the repositories below `root` on a port of its own.
pub(crate) async fn serve(
    root: &Path,
    rules: Arc<Mutex<Rules>>,
) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let root: Arc<Path> = root.into();
    let accepting = tokio::spawn(async move {
        // owned here, so that ending this task also ends the connections
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            while connections.try_join_next().is_some() {}
            let (root, rules) = (Arc::clone(&root), Arc::clone(&rules));
            let service = service_fn(move |request| {
                let (root, rules) = (Arc::clone(&root), Arc::clone(&rules));
                async move { Ok::<_, Infallible>(answer(&root, &rules, request).await) }
            });
            connections.spawn(async move {
                // a client that goes away is as good as one that stays
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Ok((addr, accepting))
}

async fn answer(
    root: &Path,
    rules: &Mutex<Rules>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let (name, service) = path.split_once(".git/").unwrap_or((path, ""));
    let repository = name.trim_matches('/').to_owned();
    let token = token(&parts);
    let refused = {
        let mut rules = rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.refuse(&repository, token.as_deref())
    };
    let mut fetched = false;
    let response = match refused {
        Some(status) => plain(status, "Repository not found.\n"),
        None if !root.join(format!("{repository}.git")).is_dir() => {
            plain(404, "Repository not found.\n")
        }
        None => {
            let body = body.collect().await;
            let body = body.map(http_body_util::Collected::to_bytes);
            match backend(root, &parts, &body.unwrap_or_default()).await {
                Ok(made) => {
                    // after the list of references a client asks a second time, for the commits
                    fetched = made.body().windows(4).any(|w| w == b"PACK");
                    made.map(Full::new)
                }
                Err(e) => plain(500, &e.to_string()),
            }
        }
    };
    let mut rules = rules.lock().unwrap_or_else(PoisonError::into_inner);
    rules.seen.push(GitRequest {
        repository,
        service: service.to_owned(),
        token,
        status: response.status().as_u16(),
        fetched,
    });
    response
}

/// The password of `x-access-token`.
fn token(parts: &Parts) -> Option<String> {
    let header = parts.headers.get("authorization")?.to_str().ok()?;
    let (scheme, coded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Some(header.to_owned());
    }
    let login = String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok()?;
    let password = login.strip_prefix("x-access-token:");
    Some(password.unwrap_or(&login).to_owned())
}

fn plain(status: u16, text: &str) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Full::from(text.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        "content-type",
        http::HeaderValue::from_static("text/plain; charset=UTF-8"),
    );
    if status == StatusCode::UNAUTHORIZED {
        let realm = http::HeaderValue::from_static("Basic realm=\"GitHub\"");
        headers.insert("www-authenticate", realm);
    }
    response
}

/// Lets Git answer, by the rules of CGI.
async fn backend(root: &Path, parts: &Parts, body: &[u8]) -> std::io::Result<Response<Bytes>> {
    let header = |name: &str| {
        let value = parts.headers.get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut command = Command::new("git");
    command.arg("http-backend").env_clear();
    command.envs(environment(root));
    command.envs([
        ("GIT_PROJECT_ROOT", root.display().to_string()),
        ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
        ("PATH_INFO", parts.uri.path().to_owned()),
        (
            "QUERY_STRING",
            parts.uri.query().unwrap_or_default().to_owned(),
        ),
        ("REQUEST_METHOD", parts.method.to_string()),
        ("CONTENT_TYPE", header("content-type")),
        ("CONTENT_LENGTH", body.len().to_string()),
        ("HTTP_CONTENT_ENCODING", header("content-encoding")),
        ("GIT_PROTOCOL", header("git-protocol")),
        ("REMOTE_USER", "x".to_owned()),
    ]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // it may have answered before it has read everything
        let _ = pipe.write_all(body).await;
    }
    let output = child.wait_with_output().await?.stdout;
    let end = output.windows(4).position(|w| w == b"\r\n\r\n");
    let end = end.ok_or_else(|| std::io::Error::other("git http-backend said nothing"))?;
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        if name.eq_ignore_ascii_case("status") {
            let status = value.split_whitespace().next().unwrap_or("200");
            response = response.status(status);
        } else {
            response = response.header(name, value);
        }
    }
    let body = Bytes::copy_from_slice(&output[end + 4..]);
    response.body(body).map_err(std::io::Error::other)
}
