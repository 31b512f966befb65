//! The ingress: calls that wait for the answer, sends that do not, awakeables from outside.
//!
//! Not for typed messages: bodies are whatever serialises, answers are JSON values.

use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use crate::ApiError;
use crate::http::{Http, Outgoing, segment};

/// Client of one ingress address. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Ingress {
    http: Http,
}

/// What a send was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// `inv_…`
    pub invocation_id: String,
    /// Whether this very send made the invocation; false when the idempotency key was seen before.
    pub fresh: bool,
}

impl Ingress {
    /// `url` like `http://restate:8080`; the key, if any, is sent as bearer token.
    pub fn new(url: &str, api_key: Option<&str>) -> Result<Self, ApiError> {
        Ok(Self {
            http: Http::new(url, api_key)?,
        })
    }

    /// Time a request may take in all (default 30 s); `None` waits as long as the handler runs.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.http.set_timeout(timeout);
        self
    }

    /// Calls a handler and waits for its answer. `key` is `None` for a plain service, which has none.
    pub async fn call<'k>(
        &self,
        service: &str,
        key: impl Into<Option<&'k str>>,
        handler: &str,
        body: &impl Serialize,
    ) -> Result<Value, ApiError> {
        let out = outgoing("call", service, key.into(), handler, "", body, None)?;
        Ok(self.http.send(out).await?.1)
    }

    /// Leaves a call with Restate and returns the invocation's id.
    pub async fn send<'k>(
        &self,
        service: &str,
        key: impl Into<Option<&'k str>>,
        handler: &str,
        body: &impl Serialize,
        idempotency_key: Option<&str>,
    ) -> Result<String, ApiError> {
        let sent = self
            .send_after(service, key, handler, body, idempotency_key, Duration::ZERO)
            .await?;
        Ok(sent.invocation_id)
    }

    /// As [`Self::send`], started by Restate after `delay`; says whether the key was fresh.
    pub async fn send_after<'k>(
        &self,
        service: &str,
        key: impl Into<Option<&'k str>>,
        handler: &str,
        body: &impl Serialize,
        idempotency_key: Option<&str>,
        delay: Duration,
    ) -> Result<Sent, ApiError> {
        let query = if delay.is_zero() {
            String::new()
        } else {
            format!("?delay={}ms", delay.as_millis())
        };
        let out = outgoing(
            "send",
            service,
            key.into(),
            handler,
            &query,
            body,
            idempotency_key,
        )?;
        let operation = out.operation.clone();
        let (_, answer) = self.http.send(out).await?;
        match answer.get("invocationId").and_then(Value::as_str) {
            Some(id) => Ok(Sent {
                invocation_id: id.to_owned(),
                fresh: answer.get("status").and_then(Value::as_str) != Some("PreviouslyAccepted"),
            }),
            None => Err(ApiError::Unexpected {
                operation,
                detail: "no invocationId in it".to_owned(),
            }),
        }
    }

    /// Waits until an invocation has ended and returns its answer, or its failure as an error.
    pub async fn attach(&self, invocation_id: &str) -> Result<Value, ApiError> {
        let id = segment("invocation id", invocation_id)?;
        let out = Outgoing {
            operation: format!("attach {invocation_id}"),
            label: "attach",
            method: Method::GET,
            path: format!("/restate/attach/{id}"),
            body: None,
            idempotency_key: None,
        };
        Ok(self.http.send(out).await?.1)
    }

    /// Resolves an awakeable. Doing it twice is harmless: Restate keeps the first.
    pub async fn resolve_awakeable(
        &self,
        id: &str,
        value: &impl Serialize,
    ) -> Result<(), ApiError> {
        let out = Outgoing {
            operation: format!("resolve awakeable {id}"),
            label: "resolve",
            method: Method::POST,
            path: format!(
                "/restate/awakeables/{}/resolve",
                segment("awakeable id", id)?
            ),
            body: Some(serde_json::to_vec(value).map_err(ApiError::Encode)?),
            idempotency_key: None,
        };
        self.http.send(out).await.map(drop)
    }

    /// Whether the ingress answers at all (it may answer before it can serve).
    pub async fn health(&self) -> Result<(), ApiError> {
        let out = Outgoing {
            operation: "ingress health".to_owned(),
            label: "health",
            method: Method::GET,
            path: "/restate/health".to_owned(),
            body: None,
            idempotency_key: None,
        };
        self.http.send(out).await.map(drop)
    }
}

fn outgoing<'a>(
    mode: &'static str,
    service: &str,
    key: Option<&str>,
    handler: &str,
    query: &str,
    body: &impl Serialize,
    idempotency_key: Option<&'a str>,
) -> Result<Outgoing<'a>, ApiError> {
    let mut path = format!("/restate/{mode}/{}", segment("service name", service)?);
    if let Some(key) = key {
        path.push('/');
        path.push_str(&segment("object key", key)?);
    }
    path.push('/');
    path.push_str(&segment("handler name", handler)?);
    path.push_str(query);
    Ok(Outgoing {
        operation: format!("{mode} {service}/{handler}"),
        label: mode,
        method: Method::POST,
        path,
        body: Some(serde_json::to_vec(body).map_err(ApiError::Encode)?),
        idempotency_key,
    })
}
