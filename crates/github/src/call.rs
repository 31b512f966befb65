//! One HTTP call: its headers, its limits, its answer, and what is measured of it. Tried once: repeating is the caller's
//! affair.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use crate::{GitHubError, Operation, Token};

/// Seconds of each call by operation and outcome: the family that every adapter of the worker shares.
const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";
/// The version of the API this client is written for.
const API_VERSION: &str = "2022-11-28";
/// Longest answer that is read, bytes. A commit comes with the changes of up to 300 files.
const ANSWER_BYTES: usize = 16 << 20;
/// Longest text of GitHub's that an error carries, characters.
const MESSAGE_CHARS: usize = 200;
/// How long to wait when a rate limit does not say, as GitHub's documentation asks for.
const RATE_LIMIT_PAUSE: i64 = 60_000;
/// The longest wait a rate limit may ask for.
const LONGEST_RATE_LIMIT: i64 = 3_600_000;
/// A renamed repository answers with a redirect.
const REDIRECTS: usize = 3;

/// Base address and the client that calls it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    http: Client,
    base: Url,
    limit: Duration,
}

/// A request.
pub(crate) struct Ask<'a> {
    pub(crate) operation: Operation,
    pub(crate) method: Method,
    /// Segments of the path; each is escaped whole.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) bearer: Option<&'a str>,
    /// The status of a success.
    pub(crate) good: u16,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(operation: Operation, path: &'a [&'a str], token: Option<&'a Token>) -> Self {
        Self {
            operation,
            method: Method::GET,
            path,
            query: &[],
            bearer: token.map(Token::expose),
            good: 200,
        }
    }

    pub(crate) fn post(
        operation: Operation,
        path: &'a [&'a str],
        token: Option<&'a Token>,
    ) -> Self {
        Self {
            method: Method::POST,
            good: 201,
            ..Self::get(operation, path, token)
        }
    }
}

impl Line {
    pub(crate) fn new(base: &str, limit: Duration) -> Result<Self, GitHubError> {
        let refused = |why| GitHubError::Settings {
            operation: Operation::Settings,
            why,
        };
        let base = Url::parse(base.trim_end_matches('/'))
            .map_err(|_| refused("the base address is no URL"))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(refused("the base address is not http or https"));
        }
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/vnd.github+json"),
        );
        headers.insert(
            "x-github-api-version",
            HeaderValue::from_static(API_VERSION),
        );
        // GitHub refuses calls without one
        headers.insert(USER_AGENT, HeaderValue::from_static("ctrl-worker"));
        let mut client = Client::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(5))
            .redirect(Policy::limited(REDIRECTS))
            .tcp_nodelay(true);
        if is_loopback(&base) {
            client = client.no_proxy();
        }
        let http = client.build().map_err(|_| refused("TLS is not set up"))?;
        Ok(Self { http, base, limit })
    }

    /// Sends a request without a body and reads the answer.
    pub(crate) async fn read<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, GitHubError> {
        self.send(ask, None::<&()>).await
    }

    /// Sends a request with a body and reads the answer.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        ask: Ask<'_>,
        body: Option<&impl Serialize>,
    ) -> Result<T, GitHubError> {
        let (operation, begun) = (ask.operation, Instant::now());
        let answered = async {
            let answered = tokio::time::timeout(self.limit, self.attempt(ask, body)).await;
            answered.unwrap_or(Err(GitHubError::TooLate {
                operation,
                after: self.limit,
            }))
        };
        let result = trace_context::outside("github", operation.label(), answered).await;
        let outcome = result
            .as_ref()
            .map_or_else(|error| error.class().label(), |_| "ok");
        let labels = [
            ("adapter", "github"),
            ("operation", operation.label()),
            ("outcome", outcome),
        ];
        metrics::histogram!(OUTSIDE_SECONDS, &labels).record(begun.elapsed().as_secs_f64());
        result
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        ask: Ask<'_>,
        body: Option<&impl Serialize>,
    ) -> Result<T, GitHubError> {
        let operation = ask.operation;
        let connection = |error: reqwest::Error| GitHubError::Connection {
            operation,
            source: error.without_url(),
        };
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(ask.path);
        }
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(ask.query);
        }
        let mut request = self.http.request(ask.method, url);
        if let Some(bearer) = ask.bearer {
            let mut value = HeaderValue::from_str(&format!("Bearer {bearer}")).map_err(|_| {
                GitHubError::Unreadable {
                    operation: Operation::Token,
                    why: "has a token that is no header".to_owned(),
                }
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(connection)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = text(response, operation).await?;
        if status == ask.good {
            return serde_json::from_slice(&text).map_err(|error| GitHubError::Unreadable {
                operation,
                // where, not what: an answer may hold a token
                why: format!(
                    "is not as promised (line {}, column {})",
                    error.line(),
                    error.column()
                ),
            });
        }
        Err(GitHubError::Answered {
            operation,
            status,
            until_ms: rate_limit(status, &headers, &text, now_ms()),
            message: message(&text, ask.bearer),
        })
    }
}

async fn text(mut response: Response, operation: Operation) -> Result<Vec<u8>, GitHubError> {
    let mut text = Vec::new();
    loop {
        let chunk = response.chunk().await;
        match chunk.map_err(|error| GitHubError::Connection {
            operation,
            source: error.without_url(),
        })? {
            None => return Ok(text),
            Some(chunk) if text.len() + chunk.len() > ANSWER_BYTES => {
                return Err(GitHubError::Unreadable {
                    operation,
                    why: format!("is longer than {ANSWER_BYTES} bytes"),
                });
            }
            Some(chunk) => text.extend_from_slice(&chunk),
        }
    }
}

/// When the next request is welcome, where the answer is a rate limit: the primary one tells its end, a secondary one
/// how long to wait, some neither.
fn rate_limit(status: u16, headers: &HeaderMap, text: &[u8], now: i64) -> Option<i64> {
    if !matches!(status, 403 | 429) {
        return None;
    }
    let number = |name: &str| -> Option<i64> {
        let value = headers.get(name)?.to_str().ok()?;
        value.trim().parse().ok()
    };
    let exhausted = number("x-ratelimit-remaining") == Some(0);
    let wait = if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        seconds.saturating_mul(1_000)
    } else if exhausted && let Some(reset) = number("x-ratelimit-reset") {
        reset.saturating_mul(1_000).saturating_sub(now)
    } else if status == 429
        || exhausted
        || message(text, None).to_lowercase().contains("rate limit")
    {
        RATE_LIMIT_PAUSE
    } else {
        return None;
    };
    Some(now + wait.clamp(1_000, LONGEST_RATE_LIMIT))
}

/// GitHub's own words, without what would break a log line.
fn message(text: &[u8], secret: Option<&str>) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        message: String,
    }
    let said = match serde_json::from_slice::<Said>(text) {
        Ok(said) => said.message,
        Err(_) => String::from_utf8_lossy(text).into_owned(),
    };
    if said.trim().is_empty() {
        return "no reason given".to_owned();
    }
    if secret.is_some_and(|secret| said.contains(secret)) {
        return "reason withheld: it repeats a secret".to_owned();
    }
    said.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MESSAGE_CHARS)
        .collect()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (
                reqwest::header::HeaderName::from_static(name),
                value.parse().expect("a value"),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_rate_limit_says_when_to_come_back() {
        let limit = |status, pairs: &[(&'static str, &str)], text: &str| {
            rate_limit(status, &headers(pairs), text.as_bytes(), 1_000_000)
        };
        let spent = ("x-ratelimit-remaining", "0");
        assert_eq!(limit(403, &[("retry-after", "30")], ""), Some(1_030_000));
        assert_eq!(limit(429, &[("retry-after", "0")], ""), Some(1_001_000));
        assert_eq!(
            limit(403, &[spent, ("x-ratelimit-reset", "1100")], ""),
            Some(1_100_000)
        );
        assert_eq!(
            limit(403, &[spent, ("x-ratelimit-reset", "1")], ""),
            Some(1_001_000),
            "over already, by our clock"
        );
        assert_eq!(limit(429, &[], ""), Some(1_060_000));
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        assert_eq!(limit(403, &[], secondary), Some(1_060_000));
        let long = limit(429, &[("retry-after", "999999")], "");
        assert_eq!(long, Some(1_000_000 + LONGEST_RATE_LIMIT));
        let left = ("x-ratelimit-remaining", "4999");
        assert_eq!(
            limit(403, &[left], r#"{"message":"Resource not accessible"}"#),
            None
        );
        assert_eq!(limit(404, &[spent], ""), None);
        assert_eq!(limit(500, &[("retry-after", "30")], ""), None);
    }

    #[test]
    fn a_message_is_githubs_own_and_short() {
        assert_eq!(
            message(br#"{"message":"Not Found","status":"404"}"#, None),
            "Not Found"
        );
        assert_eq!(message(b"<html>\nbusy", None), "<html> busy");
        assert_eq!(message(b"  ", None), "no reason given");
        let echo = message(b"refused: Bearer hunter2", Some("hunter2"));
        assert!(!echo.contains("hunter2"), "{echo}");
        assert_eq!(
            message("x".repeat(999).as_bytes(), None).len(),
            MESSAGE_CHARS
        );
    }
}
