//! A delivery of GitHub as it arrives over HTTP: checked, read, and turned into one message. Pure; no I/O.
//!
//! Whoever serves the address reads at most [`LIMIT`] bytes, asks [`read`], leaves the message with Restate and answers
//! with the refusal's status, or 200 for a message and for nothing alike. Not here: what becomes of the message.

mod payload;
mod pull;
mod push;

use github::{BadSignature, verify_signature};
use http::{HeaderMap, Method};
use messages::hydra::v1::{ClosePullRequestRequest, HandlePushRequest};
use serde::{Serialize, Serializer};

/// Longest body that is read, bytes.
pub const LIMIT: usize = 25 << 20;

/// What a delivery comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// Send this.
    Message(Box<Message>),
    /// Nothing is to be done, for this reason.
    Nothing(&'static str),
}

/// A message for GitHubWebhookService.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Key of the object: `installation id:repository id`.
    pub key: String,
    /// GitHub's id of the delivery: sent again, it is the same invocation. None where GitHub gave none.
    pub idempotency_key: Option<String>,
    /// What is sent.
    pub request: Request,
}

/// The request of a message; serialises as what it holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// For handler `HandlePush`.
    Push(HandlePushRequest),
    /// For handler `ClosePullRequest`.
    Close(ClosePullRequestRequest),
}

impl Request {
    /// Name of the handler.
    #[must_use]
    pub fn handler(&self) -> &'static str {
        match self {
            Self::Push(_) => "HandlePush",
            Self::Close(_) => "ClosePullRequest",
        }
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Push(request) => request.serialize(to),
            Self::Close(request) => request.serialize(to),
        }
    }
}

/// Why a delivery is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// HTTP status of the answer.
    pub status: u16,
    /// Body of the answer: what to do about it.
    pub text: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, text }
    }
}

/// Reads a delivery. Nothing of the body is looked at before its signature is found good.
///
/// # Errors
/// 405 another method than POST; 400 no event, or a body that is too long or not what GitHub sends; 401 not signed with
/// the secret; 503 there is no secret to sign with.
pub fn read(
    method: &Method,
    headers: &HeaderMap,
    body: &[u8],
    secret: &[u8],
) -> Result<Delivery, Refusal> {
    if method != Method::POST {
        return Err(Refusal::new(405, "Deliveries are posted."));
    }
    if body.len() > LIMIT {
        let text = format!("The delivery is longer than {LIMIT} bytes.");
        return Err(Refusal::new(400, text));
    }
    let event = header(headers, "x-github-event")?.filter(|event| !event.is_empty());
    let event = event.ok_or_else(|| {
        Refusal::new(
            400,
            "`X-GitHub-Event` is missing: this is no delivery of GitHub.",
        )
    })?;
    let signature = header(headers, "x-hub-signature-256")?.unwrap_or_default();
    verify_signature(secret, body, signature).map_err(|bad| {
        let status = match bad {
            BadSignature::NoSecret => 503,
            BadSignature::Unsigned | BadSignature::Wrong => 401,
        };
        Refusal::new(status, bad.to_string())
    })?;
    let delivery = delivery_id(headers)?;
    let request = match event {
        "push" => push::read(body, delivery)?,
        "pull_request" => pull::read(body, delivery)?,
        _ => Err("the worker has no use for this event"),
    };
    Ok(match request {
        Err(why) => Delivery::Nothing(why),
        Ok((key, request)) => Delivery::Message(Box::new(Message {
            key,
            idempotency_key: (!delivery.is_empty()).then(|| delivery.to_owned()),
            request,
        })),
    })
}

/// Of a delivery that is fine: key and request, or why there is none.
pub(crate) type Read = Result<(String, Request), &'static str>;

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = value.to_str().map(str::trim);
    text.map(Some)
        .map_err(|_| Refusal::new(400, format!("The header `{name}` is no text.")))
}

/// GitHub's id of the delivery; empty where it gave none.
fn delivery_id(headers: &HeaderMap) -> Result<&str, Refusal> {
    let id = header(headers, "x-github-delivery")?.unwrap_or_default();
    let is_id = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if id.len() > 100 || !id.chars().all(is_id) {
        return Err(Refusal::new(
            400,
            "`X-GitHub-Delivery` is no id: letters, digits, `-` and `_` are expected, at most 100.",
        ));
    }
    Ok(id)
}
