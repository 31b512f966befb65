//! `ctl webhook`: what is taken, what is refused, and that a delivery is one message however often it comes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use github_webhook_client::GitHubWebhookBackend;
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;
use serde_json::{Value, json};

use crate::online::Bench;
use crate::program::{command, ctl};

const SECRET: &str = "a secret of the tests";
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// What arrived, by object key: `<handler> <branch or number>`.
static ARRIVED: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());

fn arrived(key: &str) -> Vec<String> {
    let all = ARRIVED.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(key).cloned().unwrap_or_default()
}

/// Takes every delivery.
pub(crate) struct Taker;

impl Taker {
    fn take(key: &str, what: String) {
        let mut all = ARRIVED.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(key.to_owned()).or_default().push(what);
    }
}

impl GitHubWebhookBackend for Taker {
    async fn handle_push<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::HandlePushRequest,
    ) -> HandlerResult<msg::HandlePushResponse> {
        let msg::HandlePushRequest { branch, after, .. } = req;
        Self::take(ctx.key(), format!("push {branch} {after}"));
        Ok(msg::HandlePushResponse::default())
    }

    async fn close_pull_request<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::ClosePullRequestRequest,
    ) -> HandlerResult<msg::ClosePullRequestResponse> {
        Self::take(ctx.key(), format!("close {}", req.pr_number));
        Ok(msg::ClosePullRequestResponse::default())
    }
}

/// A running endpoint.
struct Endpoint {
    child: Child,
    out: BufReader<ChildStdout>,
    address: String,
    /// Number of a repository that no other test has.
    repository: i64,
}

impl Endpoint {
    fn start(ingress: &str) -> Self {
        let environment = [("CTRL_INGRESS", ingress), ("WEBHOOK_SECRET", SECRET)];
        let args = ["--json", "webhook", "--secret-env", "WEBHOOK_SECRET"];
        let mut child = command(&environment, &args).spawn().expect("ctl runs");
        let out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut endpoint = Self {
            child,
            out,
            address: String::new(),
            repository: i64::from(rand_u32()),
        };
        let url = endpoint.told()["url"].as_str().expect("a url").to_owned();
        let rest = url.strip_prefix("http://").expect("http");
        let (address, path) = rest.split_once('/').expect("a path");
        assert_eq!(path, "webhooks/github");
        address.clone_into(&mut endpoint.address);
        endpoint
    }

    fn told(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("text");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
    }

    fn key(&self) -> String {
        format!("42:{}", self.repository)
    }

    fn push(&self, branch: &str) -> String {
        json!({
            "ref": format!("refs/heads/{branch}"), "before": SHA, "after": SHA, "created": false, "deleted": false,
            "repository": { "id": self.repository, "full_name": "acme/shop" }, "installation": { "id": 42 },
            "sender": { "login": "octo" }, "commits": [],
            "head_commit": { "id": SHA, "message": "m", "timestamp": "2026-01-02T03:04:05Z", "author": { "name": "o" } },
        })
        .to_string()
    }

    /// Delivers a body, signed; what was answered, and what was told of it.
    fn deliver(&mut self, event: &str, id: &str, body: &str) -> (u16, Value) {
        let signature = sign(SECRET, body);
        let headers = [
            ("X-GitHub-Event", event),
            ("X-GitHub-Delivery", id),
            ("X-Hub-Signature-256", signature.as_str()),
        ];
        let (status, _) = self.request("POST", "/webhooks/github", &headers, body);
        (status, self.told())
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).expect("a limit");
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).expect("sent");
        // a body that is too long is not read to its end
        let _ = stream.write_all(body.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
        (
            status.unwrap_or_else(|| panic!("no answer: {answer}")),
            answer,
        )
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sign(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    let digits: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256={digits}")
}

fn rand_u32() -> u32 {
    let text = ids::dns_label(8);
    text.bytes().fold(7, |sum: u32, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    }) >> 1
}

#[test]
fn api_10_a_delivery_is_one_message_however_often_it_comes() {
    testbed::scenario!("API-10");
    testbed::run(async {
        let bench = Bench::new().await;
        let mut endpoint = Endpoint::start(&bench.ingress);
        let body = endpoint.push("feat/x");
        let id = ids::dns_label(12);
        let (status, first) = endpoint.deliver("push", &id, &body);
        assert_eq!((status, &first["status"]), (200, &200.into()), "{first}");
        assert_eq!(first["text"], format!("HandlePush of {}", endpoint.key()));
        assert_eq!(first["id"], id);
        let (status, second) = endpoint.deliver("push", &id, &body);
        assert_eq!(status, 200, "{second}");
        assert!(
            second["text"]
                .as_str()
                .is_some_and(|t| t.ends_with("delivered before")),
            "{second}"
        );
        assert_eq!(first["invocation_id"], second["invocation_id"]);

        let closed = json!({
            "action": "closed", "number": 7, "installation": { "id": 42 },
            "repository": { "id": endpoint.repository, "full_name": "acme/shop" }, "sender": { "login": "octo" },
            "pull_request": {
                "number": 7, "title": "t", "user": { "login": "octo" }, "merged": false,
                "head": { "ref": "feat/x", "sha": SHA, "repo": { "id": endpoint.repository, "full_name": "acme/shop" } },
                "base": { "ref": "main", "sha": SHA, "repo": { "id": endpoint.repository, "full_name": "acme/shop" } },
            },
        });
        let (status, told) =
            endpoint.deliver("pull_request", &ids::dns_label(12), &closed.to_string());
        assert_eq!(status, 200, "{told}");
        let key = endpoint.key();
        let wanted = vec![format!("push feat/x {SHA}"), "close 7".to_owned()];
        testbed::eventually(Duration::from_secs(20), || async {
            arrived(&key) == wanted
        })
        .await;
    });
}

/// What is sent: method, path or event, headers; and the status of the answer.
type Case<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, u16);

#[test]
fn api_11_what_is_not_githubs_is_refused_and_nothing_is_called() {
    testbed::scenario!("API-11");
    testbed::run(async {
        let bench = Bench::new().await;
        let mut endpoint = Endpoint::start(&bench.ingress);
        let (path, body) = ("/webhooks/github", endpoint.push("main"));
        let (good, bad) = (sign(SECRET, &body), sign("another", &body));
        let cases: [Case<'_>; 6] = [
            (
                "POST",
                path,
                vec![("X-GitHub-Event", "push"), ("X-Hub-Signature-256", &bad)],
                401,
            ),
            ("POST", path, vec![("X-GitHub-Event", "push")], 401),
            ("POST", path, vec![("X-Hub-Signature-256", &good)], 400),
            (
                "GET",
                path,
                vec![("X-GitHub-Event", "push"), ("X-Hub-Signature-256", &good)],
                405,
            ),
            (
                "POST",
                "/webhooks",
                vec![("X-GitHub-Event", "push"), ("X-Hub-Signature-256", &good)],
                404,
            ),
            (
                "POST",
                path,
                vec![("X-GitHub-Event", "star"), ("X-Hub-Signature-256", &good)],
                200,
            ),
        ];
        for (method, path, headers, status) in cases {
            let (answered, text) = endpoint.request(method, path, &headers, &body);
            assert_eq!(answered, status, "{method} {path} {headers:?}: {text}");
            let told = endpoint.told();
            assert_eq!(told["status"], status, "{told}");
            assert!(told["invocation_id"].is_null(), "{told}");
            assert!(!text.contains(SECRET) && !told.to_string().contains(SECRET));
        }
        let (status, told) = endpoint.deliver("push", "d-1", "{\"ref\":");
        assert_eq!(status, 400, "{told}");
        let long = "x".repeat(webhook_intake::LIMIT + 1);
        let (status, told) = endpoint.deliver("push", "d-2", &long);
        assert_eq!((status, &told["status"]), (413, &413.into()));
        // a delivery that is good, so that the others would have arrived by now
        assert_eq!(endpoint.deliver("push", &ids::dns_label(12), &body).0, 200);
        let key = endpoint.key();
        testbed::eventually(Duration::from_secs(20), || async {
            arrived(&key).len() == 1
        })
        .await;
    });
}

#[test]
fn what_cannot_be_handed_over_is_not_said_to_be() {
    let mut endpoint = Endpoint::start("http://127.0.0.1:9");
    let body = endpoint.push("main");
    let (status, told) = endpoint.deliver("push", "d-3", &body);
    assert_eq!(status, 500, "{told}");
    assert!(
        told["text"]
            .as_str()
            .is_some_and(|t| t.contains("CTRL_INGRESS")),
        "{told}"
    );
}

#[test]
fn it_ends_when_told_to_and_needs_a_secret() {
    let mut endpoint = Endpoint::start("http://127.0.0.1:9");
    let pid = endpoint.child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-s", "TERM", &pid])
        .status();
    assert!(sent.expect("kill").success());
    assert!(endpoint.child.wait().expect("ended").success());
    for environment in [&[][..], &[("NO_SECRET", "")]] {
        let ran = ctl(environment, &["webhook", "--secret-env", "NO_SECRET"]);
        assert_eq!(
            (ran.code, ran.err.contains("NO_SECRET")),
            (2, true),
            "{ran:?}"
        );
    }
    let taken = ctl(
        &[("S", SECRET)],
        &["webhook", "--secret-env", "S", "--listen", "192.0.2.1:1"],
    );
    assert_eq!(
        (taken.code, taken.err.contains("--listen 192.0.2.1:1")),
        (2, true),
        "{taken:?}"
    );
}
