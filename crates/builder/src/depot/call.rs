//! One call of Depot's, by the Connect protocol with JSON. Tried once: repeating is the caller's affair.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::wire::{FinishBuild, Nothing};
use super::{ADAPTER, base};
use crate::measure::measured;
use crate::reason::shortened;
use crate::{BadSettings, BuildError, Operation, Secret};

/// Longest answer that is read, bytes.
const ANSWER: usize = 1 << 20;
/// The same of the list of all projects of an organisation, which has no pages.
const LIST: usize = 32 << 20;
/// Longest text of Depot's that an error carries, bytes.
const MESSAGE: usize = 300;
/// The longest wait a rate limit may ask for, seconds.
const LONGEST_WAIT: i64 = 3_600;

/// A method by its path, and what it is for.
#[derive(Clone, Copy)]
pub(super) struct Method {
    path: &'static str,
    operation: Operation,
    /// Longest answer, bytes.
    longest: usize,
}

impl Method {
    pub(super) const LIST_PROJECTS: Self = Self {
        path: "depot.core.v1.ProjectService/ListProjects",
        operation: Operation::FindProject,
        longest: LIST,
    };
    pub(super) const CREATE_PROJECT: Self = Self {
        path: "depot.core.v1.ProjectService/CreateProject",
        operation: Operation::CreateProject,
        longest: ANSWER,
    };
    pub(super) const CREATE_BUILD: Self = Self {
        path: "depot.cli.v1.BuildService/CreateBuild",
        operation: Operation::CreateBuild,
        longest: ANSWER,
    };
    pub(super) const GET_CONNECTION: Self = Self {
        path: "depot.cli.v1.BuildService/GetBuildKitConnection",
        operation: Operation::Acquire,
        longest: ANSWER,
    };
    pub(super) const REPORT_HEALTH: Self = Self {
        path: "depot.cli.v1.BuildService/ReportBuildHealth",
        operation: Operation::Health,
        longest: ANSWER,
    };
    const FINISH_BUILD: Self = Self {
        path: "depot.cli.v1.BuildService/FinishBuild",
        operation: Operation::Finish,
        longest: ANSWER,
    };
}

/// An address and the client that calls it.
#[derive(Clone)]
pub(super) struct Line {
    http: Client,
    base: Url,
}

impl Line {
    pub(super) fn new(address: &str, connect: Duration) -> Result<Self, BadSettings> {
        let base = base(address)?;
        // an answer that leads elsewhere would take the token along
        let mut client = Client::builder()
            .connect_timeout(connect)
            .redirect(Policy::none())
            .tcp_nodelay(true);
        if is_loopback(&base) {
            client = client.no_proxy();
        }
        let http = client.build();
        let http = http.map_err(|_| BadSettings("TLS is not set up".to_owned()))?;
        Ok(Self { http, base })
    }

    /// Calls a method and reads its answer.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        token: &Secret,
        request: &(impl Serialize + Sync),
        limit: Duration,
    ) -> Result<T, BuildError> {
        let called = async {
            let answer = self.limited(method, token, request, limit).await;
            answer.map_err(|trouble| trouble.into_error(method.operation))
        };
        // the wait for a machine is measured as a whole
        match method.operation {
            Operation::Acquire => called.await,
            operation => measured(ADAPTER, operation, called).await,
        }
    }

    /// Closes a build. One that is closed, or gone, stays so.
    pub(super) async fn finish(
        &self,
        token: &Secret,
        request: &FinishBuild,
        limit: Duration,
    ) -> Result<(), BuildError> {
        let method = Method::FINISH_BUILD;
        let called = async {
            match self.limited(method, token, request, limit).await {
                Ok(Nothing {}) => Ok(()),
                Err(Trouble::Answered { code, message, .. })
                    if matches!(
                        code.as_str(),
                        "failed_precondition" | "not_found" | "already_exists"
                    ) =>
                {
                    tracing::info!(code, message, "a build was closed already");
                    Ok(())
                }
                Err(trouble) => Err(trouble.into_error(method.operation)),
            }
        };
        measured(ADAPTER, method.operation, called).await
    }

    async fn limited<T: DeserializeOwned>(
        &self,
        method: Method,
        token: &Secret,
        request: &(impl Serialize + Sync),
        limit: Duration,
    ) -> Result<T, Trouble> {
        let answer = tokio::time::timeout(limit, self.attempt(method, token, request));
        let late = |_| Trouble::Lost(format!("no answer within {limit:?}"));
        answer.await.map_err(late)?
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        method: Method,
        token: &Secret,
        request: &(impl Serialize + Sync),
    ) -> Result<T, Trouble> {
        let lost = |error: reqwest::Error| Trouble::Lost(causes::chain(&error.without_url()));
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(method.path.split('/'));
        }
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
        let mut bearer = bearer.map_err(|_| Trouble::Unreadable("a token is no header".into()))?;
        bearer.set_sensitive(true);
        let response = self
            .http
            .post(url)
            .header("connect-protocol-version", "1")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, bearer)
            .json(request)
            .send()
            .await
            .map_err(lost)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = body(response, method.longest).await?;
        if status == 200 {
            return serde_json::from_slice(&body).map_err(|error| {
                // where, not what: an answer may hold a token
                Trouble::Unreadable(format!(
                    "the answer is not as promised (line {}, column {})",
                    error.line(),
                    error.column()
                ))
            });
        }
        Err(answered(status, &headers, &body, now_ms()).without(token))
    }
}

async fn body(mut response: Response, longest: usize) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        match chunk.map_err(|error| Trouble::Lost(error.without_url().to_string()))? {
            None => return Ok(body),
            Some(chunk) if body.len() + chunk.len() > longest => {
                return Err(Trouble::Unreadable(format!(
                    "the answer is longer than {longest} bytes"
                )));
            }
            Some(chunk) => body.extend_from_slice(&chunk),
        }
    }
}

/// What went wrong with a call.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    /// No answer.
    Lost(String),
    /// An answer that is none.
    Unreadable(String),
    /// An error, with Connect's code.
    Answered {
        code: String,
        message: String,
        until_ms: Option<i64>,
    },
}

impl Trouble {
    /// The same, without words that repeat a secret.
    fn without(mut self, secret: &Secret) -> Self {
        if let Self::Answered { message, .. } = &mut self
            && !secret.is_empty()
            && message.contains(secret.expose())
        {
            *message = "reason withheld: it repeats a secret".to_owned();
        }
        // cut only now: half of a secret is one too
        if let Self::Answered { message, .. } = &mut self {
            *message = shortened(message, MESSAGE);
        }
        self
    }

    fn into_error(self, operation: Operation) -> BuildError {
        let (code, message, until_ms) = match self {
            Self::Lost(text) => return BuildError::unavailable(operation, text),
            Self::Unreadable(text) => return BuildError::unavailable(operation, text),
            Self::Answered {
                code,
                message,
                until_ms,
            } => (code, message, until_ms),
        };
        let text = format!("{code}: {message}");
        match code.as_str() {
            "resource_exhausted" => BuildError::RateLimited { until_ms },
            "unavailable" | "deadline_exceeded" | "internal" | "unknown" | "aborted"
            | "canceled" | "data_loss" => BuildError::unavailable(operation, text),
            _ => BuildError::refused(operation, text),
        }
    }
}

/// Reads an error of the Connect protocol; one that comes from something before Depot has a status alone.
fn answered(status: u16, headers: &HeaderMap, body: &[u8], now: i64) -> Trouble {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Said {
        code: String,
        message: String,
    }
    let said: Said = serde_json::from_slice(body).unwrap_or_default();
    let code = match (said.code.as_str(), status) {
        ("", 400) => "internal",
        ("", 401) => "unauthenticated",
        ("", 403) => "permission_denied",
        ("", 404) => "unimplemented",
        ("", 429) => "resource_exhausted",
        ("", 408 | 500..=599) => "unavailable",
        ("", _) => "unknown",
        (code, _) => code,
    };
    let code: String = code
        .chars()
        .filter(|c| c.is_ascii_lowercase() || *c == '_')
        .take(40)
        .collect();
    let message: String = match said.message.trim() {
        "" => format!("HTTP {status}"),
        text => text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect(),
    };
    let wait = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let wait: Option<i64> = wait.and_then(|text| text.trim().parse().ok());
    Trouble::Answered {
        code,
        message,
        until_ms: wait.map(|seconds| now + seconds.clamp(1, LONGEST_WAIT) * 1_000),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_do_about_them() {
        let error = |status, body: &str| {
            let trouble = answered(status, &HeaderMap::new(), body.as_bytes(), 0);
            trouble.into_error(Operation::CreateBuild)
        };
        let said = |code: &str| format!(r#"{{"code":"{code}","message":"because\nof it"}}"#);
        for code in [
            "unauthenticated",
            "permission_denied",
            "not_found",
            "invalid_argument",
            "failed_precondition",
        ] {
            let expected =
                BuildError::refused(Operation::CreateBuild, format!("{code}: because of it"));
            assert_eq!(error(400, &said(code)), expected);
        }
        for code in [
            "unavailable",
            "internal",
            "unknown",
            "deadline_exceeded",
            "aborted",
        ] {
            assert!(
                matches!(error(500, &said(code)), BuildError::Unavailable { .. }),
                "{code}"
            );
        }
        for status in [408, 500, 502, 503, 504, 400, 302] {
            assert!(error(status, "<html>busy").is_transient(), "{status}");
        }
        for status in [401, 403, 404] {
            assert!(
                matches!(error(status, ""), BuildError::Refused { .. }),
                "{status}"
            );
        }
        assert_eq!(error(429, ""), BuildError::RateLimited { until_ms: None });
        assert_eq!(
            error(503, "").to_string(),
            "builder, create build: unavailable: HTTP 503"
        );
    }

    #[test]
    fn words_that_repeat_the_token_are_withheld() {
        let echo = br#"{"code":"unauthenticated","message":"no: Bearer hunter2"}"#;
        let trouble = answered(401, &HeaderMap::new(), echo, 0).without(&Secret::new("hunter2"));
        let error = trouble.into_error(Operation::CreateBuild);
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    }

    #[test]
    fn a_rate_limit_says_when_to_come_back() {
        for (after, until) in [
            ("30", Some(31_000)),
            ("0", Some(2_000)),
            ("99999", Some(3_601_000)),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(after));
            let trouble = answered(429, &headers, b"", 1_000);
            let error = trouble.into_error(Operation::CreateBuild);
            assert_eq!(error, BuildError::RateLimited { until_ms: until });
        }
    }
}
