//! What is answered to each request: the routes, and who may use them.
//!
//! Not for what a test says beforehand: see the crate's root.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::repositories::Issued;
use crate::{APP, INSTALLATION, Seen, State, Trouble};

/// The commit everything is at that no test has moved.
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

pub(crate) type Answer = Result<Response<Full<Bytes>>, std::io::Error>;

pub(crate) async fn answer(state: &Mutex<State>, key: &str, request: Request<Incoming>) -> Answer {
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
fn rights(state: &State, bearer: Option<&str>, repository: &str) -> Option<Value> {
    let bearer = bearer?;
    let issued = state.tokens.iter().find(|issued| issued.token == bearer)?;
    let permissions = || issued.permissions.clone();
    (issued.repository == repository).then(permissions)
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
    // of one owner, as an installation is
    let wanted = body["repositories"].as_array().map(Vec::as_slice);
    let Some(repository) = (match wanted {
        Some([name]) => state.repositories.of_installation(name.as_str()),
        _ => None,
    }) else {
        return plain(
            422,
            &json!({ "message": "There is at least one repository that does not exist" }),
        );
    };
    state.next += 1;
    // long enough to be nothing else where it is found
    let secret = format!("ghs_5b8e1f{:010}", state.next);
    let ends = time::OffsetDateTime::now_utc() + time::Duration::seconds(state.token_life);
    state.tokens.push(Issued {
        token: secret.clone(),
        repository,
        permissions: body["permissions"].clone(),
        ends,
    });
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
    let rights = rights(state, bearer, &repository);
    let public = state.repositories.is_public(&repository);
    if rights.is_none() && (!public || bearer.is_some()) {
        return if bearer.is_some() {
            (401, json!({ "message": "Bad credentials" }))
        } else {
            not_found()
        };
    }
    if !state.repositories.has(&repository) {
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
            match state.repositories.commit(&repository, reference) {
                Some(Ok(commit)) => return (200, commit),
                Some(Err(message)) => return (422, json!({ "message": message })),
                // one that no test has told of
                None => {}
            }
            let files: Vec<Value> = (0..state.files)
                .map(|n| json!({ "filename": format!("src/{n}.rs"), "status": "modified" }))
                .collect();
            let sha = state.heads.get(*reference).map_or(SHA, String::as_str);
            (
                200,
                json!({
                    "sha": sha,
                    "commit": { "message": "Fix the cart\r\n\r\nIt was empty.", "author": { "date": "2026-01-02T03:04:05Z" } },
                    "author": { "login": "octo", "avatar_url": "https://example.test/octo.png" },
                    "files": slice(&files),
                }),
            )
        }
        ("GET", ["compare", range]) => {
            let said = state.comparisons.get(*range).cloned();
            let two = || {
                json!({ "status": "ahead", "files": [
                    { "filename": "new.rs", "previous_filename": "old.rs", "status": "renamed" },
                    { "filename": "docs/a.md", "status": "added" },
                ] })
            };
            (200, said.unwrap_or_else(two))
        }
        ("GET", ["pulls", _, "files"]) => {
            if !may("pull_requests", "read") {
                return forbidden();
            }
            let files = state.pull_files.iter();
            let files: Vec<Value> = files.map(|f| json!({ "filename": f })).collect();
            (200, slice(&files))
        }
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
        ("GET", ["deployments", id, "statuses"]) => {
            if !may("deployments", "read") {
                return forbidden();
            }
            (200, slice(&statuses_of(state, id)))
        }
        ("GET", ["commits", sha, "statuses"]) => {
            if !may("statuses", "read") {
                return forbidden();
            }
            (200, slice(&statuses_of(state, sha)))
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
            let known = state.open_pulls.get(&open.1);
            match open {
                (true, _) if known.is_some() => (200, json!([{ "number": known }])),
                (true, head) if head == "acme:feat/a&b" => (200, json!([{ "number": 7 }])),
                _ => (200, json!([])),
            }
        }
        ("GET", ["issues", pull, "comments"]) => {
            let of = |c: &&Value| c["pull"].as_i64() == pull.parse().ok();
            let all: Vec<Value> = state.comments.iter().filter(of).cloned().collect();
            (200, slice(&all))
        }
        ("POST", ["issues", pull, "comments"]) => {
            if !may("pull_requests", "write") {
                return forbidden();
            }
            state.next += 1;
            let pull: i64 = pull.parse().unwrap_or_default();
            let made = json!({ "id": state.next, "pull": pull, "body": body["body"], "performed_via_github_app": { "id": APP } });
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

/// Those of a deployment or a commit, the newest first, as GitHub gives them.
fn statuses_of(state: &State, id: &str) -> Vec<Value> {
    let all = state.statuses.iter().enumerate().rev();
    let ours = all.filter(|(_, (of, _))| of == id);
    ours.map(|(at, (_, body))| {
        let mut status = body.clone();
        status["id"] = at.into();
        status
    })
    .collect()
}
