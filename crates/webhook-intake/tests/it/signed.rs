//! A delivery of GitHub's, signed.

use aws_lc_rs::hmac;
use http::{HeaderMap, HeaderValue, Method};
use messages::hydra::v1::{ClosePullRequestRequest, HandlePushRequest};
use serde_json::{Value, json};
use webhook_intake::{Delivery, Message, Refusal, Request, read};

pub(crate) const SECRET: &[u8] = b"It's a Secret to Everybody";
pub(crate) const ID: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

/// Forty times this digit: a commit.
pub(crate) fn sha(digit: char) -> String {
    std::iter::repeat_n(digit, 40).collect()
}

pub(crate) fn signature(body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let digest = hmac::sign(&key, body);
    let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256={hex}")
}

pub(crate) fn headers(event: &str, body: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-github-event", event.to_owned()),
        ("x-github-delivery", ID.to_owned()),
        ("x-hub-signature-256", signature(body)),
    ] {
        let value = HeaderValue::from_str(&value).expect("a value");
        headers.insert(name, value);
    }
    headers
}

/// Reads a delivery that is signed as it should be.
pub(crate) fn delivered(event: &str, body: &Value) -> Result<Delivery, Refusal> {
    let body = body.to_string();
    let headers = headers(event, body.as_bytes());
    read(&Method::POST, &headers, body.as_bytes(), SECRET)
}

pub(crate) fn message(event: &str, body: &Value) -> Message {
    match delivered(event, body) {
        Ok(Delivery::Message(message)) => *message,
        other => panic!("no message: {other:?}"),
    }
}

pub(crate) fn nothing(event: &str, body: &Value) {
    let delivery = delivered(event, body);
    assert!(matches!(delivery, Ok(Delivery::Nothing(_))), "{delivery:?}");
}

impl Of for Message {
    fn push(self) -> HandlePushRequest {
        match self.request {
            Request::Push(push) => push,
            Request::Close(close) => panic!("no push: {close:?}"),
        }
    }

    fn close(self) -> ClosePullRequestRequest {
        match self.request {
            Request::Close(close) => close,
            Request::Push(push) => panic!("no close: {push:?}"),
        }
    }
}

/// What a message holds.
pub(crate) trait Of {
    fn push(self) -> HandlePushRequest;
    fn close(self) -> ClosePullRequestRequest;
}

/// Two commits pushed to `main`, with much that nobody reads.
pub(crate) fn push() -> Value {
    let commit = |digit, message: &str, added: &[&str]| {
        json!({
            "id": sha(digit), "tree_id": sha('9'), "distinct": true, "message": message, "timestamp": "2026-01-02T03:04:05+01:00",
            "author": { "name": "Octo Cat", "email": "octo@example.test", "username": "octo" },
            "added": added, "removed": ["old.rs"], "modified": ["src/cart.rs"],
        })
    };
    json!({
        "ref": "refs/heads/main", "before": sha('a'), "after": sha('c'), "created": false, "deleted": false, "forced": false,
        "base_ref": null, "compare": "https://github.com/acme/shop/compare/a...c",
        "commits": [commit('b', "First", &["new.rs"]), commit('c', "Fix the cart\r\n\r\nIt was empty.", &["src/cart.rs"])],
        "head_commit": commit('c', "Fix the cart\r\n\r\nIt was empty.", &["src/cart.rs"]),
        "repository": { "id": 202, "node_id": "R_1", "full_name": "acme/shop", "private": true },
        "installation": { "id": 101, "node_id": "I_1" },
        "pusher": { "name": "mo", "email": null },
        "sender": { "login": "mo", "id": 1, "site_admin": false },
    })
}

/// A pull request of a fork.
pub(crate) fn pull(action: &str) -> Value {
    json!({
        "action": action, "number": 7, "before": sha('a'), "after": sha('b'),
        "pull_request": {
            "number": 7, "title": "Fix the cart", "updated_at": "2026-01-02T03:04:05Z", "state": "open",
            "user": { "login": "octo", "avatar_url": "https://example.test/octo.png" },
            "head": { "ref": "fix", "sha": sha('b'), "repo": { "id": 303, "full_name": "octo/shop" } },
            "base": { "ref": "main", "sha": sha('a'), "repo": { "id": 202, "full_name": "acme/shop" } },
        },
        "repository": { "id": 202, "full_name": "acme/shop" },
        "installation": { "id": 101 },
        "sender": { "login": "octo" },
    })
}
