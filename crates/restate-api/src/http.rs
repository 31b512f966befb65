//! The one way requests leave this crate: base address, bearer token, time-outs, error bodies.
//!
//! Not for meaning: which path says what is in `ingress` and `admin`.

use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use crate::ApiError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest answer that is read, bytes: twice Restate's own limit of a message.
const ANSWER_BYTES: usize = 64 << 20;
/// Most characters of an error that are shown. The error of an invocation is its own text, whole.
const MESSAGE_CHARS: usize = 8_000;
/// As much of an error as is read.
const ERROR_BYTES: usize = 64 << 10;

/// Seconds of each request by operation and outcome: the family that every adapter of the worker shares.
const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";

/// RFC 3986 unreserved characters stay; everything else of a key is encoded, slashes too.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: Url,
    api_key: Option<Hidden>,
    timeout: Option<Duration>,
}

/// A credential that does not show in debug output.
#[derive(Clone)]
struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// One request before it is sent.
pub(crate) struct Outgoing<'a> {
    /// What errors say was tried; may hold names and ids.
    pub(crate) operation: String,
    /// The value of the metric label `operation`.
    pub(crate) label: &'static str,
    pub(crate) method: Method,
    /// Path below the base, already encoded.
    pub(crate) path: String,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) idempotency_key: Option<&'a str>,
}

impl Http {
    pub(crate) fn new(base: &str, api_key: Option<&str>) -> Result<Self, ApiError> {
        let bad = || ApiError::BadUrl(base.to_owned());
        let url = Url::parse(base.trim_end_matches('/')).map_err(|_| bad())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(bad());
        }
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .build()
            .map_err(ApiError::Client)?;
        Ok(Self {
            client,
            base: url,
            api_key: api_key
                .filter(|k| !k.is_empty())
                .map(|k| Hidden(k.to_owned())),
            timeout: Some(REQUEST_TIMEOUT),
        })
    }

    pub(crate) fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Sends and returns the JSON of a 2xx answer; an empty body is `null`.
    pub(crate) async fn send(&self, out: Outgoing<'_>) -> Result<(StatusCode, Value), ApiError> {
        let (label, begun) = (out.label, Instant::now());
        let result = trace_context::outside("restate", label, self.exchange(out)).await;
        let outcome = result
            .as_ref()
            .map_or_else(|error| error.class().label(), |_| "ok");
        let labels = [
            ("adapter", "restate"),
            ("operation", label),
            ("outcome", outcome),
        ];
        metrics::histogram!(OUTSIDE_SECONDS, &labels).record(begun.elapsed().as_secs_f64());
        result
    }

    async fn exchange(&self, out: Outgoing<'_>) -> Result<(StatusCode, Value), ApiError> {
        let url = format!("{}{}", self.base.as_str().trim_end_matches('/'), out.path);
        let mut request = self
            .client
            .request(out.method, url)
            .header("accept", "application/json");
        if let Some(timeout) = self.timeout {
            request = request.timeout(timeout);
        }
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(&key.0);
        }
        if let Some(key) = out.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = out.body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        if let Some((name, value)) = trace_context::header() {
            request = request.header(name, value);
        }
        let unreachable = |operation: &str, source: reqwest::Error| ApiError::Unreachable {
            operation: operation.to_owned(),
            timed_out: source.is_timeout(),
            source: source.without_url(),
        };
        let response = request
            .send()
            .await
            .map_err(|e| unreachable(&out.operation, e))?;
        let status = response.status();
        let most = match status.is_success() {
            true => ANSWER_BYTES,
            false => ERROR_BYTES,
        };
        let (body, whole) = beginning(response, most)
            .await
            .map_err(|e| unreachable(&out.operation, e))?;
        if !status.is_success() {
            let secret = self.api_key.as_ref().map(|key| key.0.as_str());
            return Err(status_error(out.operation, status, &body, secret));
        }
        if !whole {
            return Err(ApiError::Unexpected {
                operation: out.operation,
                detail: format!("longer than {most} bytes"),
            });
        }
        if body.is_empty() {
            return Ok((status, Value::Null));
        }
        let value = serde_json::from_slice(&body).map_err(|e| ApiError::Unexpected {
            operation: out.operation,
            detail: e.to_string(),
        })?;
        Ok((status, value))
    }
}

/// At most so many bytes of the body, and whether that is all of it.
async fn beginning(
    mut response: reqwest::Response,
    most: usize,
) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = most - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, true))
}

/// An error as Restate, or something before it, tells it; a text that repeats the secret is withheld.
fn status_error(
    operation: String,
    status: StatusCode,
    body: &[u8],
    secret: Option<&str>,
) -> ApiError {
    let told = |text: &str| !secret.is_some_and(|secret| text.contains(secret));
    let parsed: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let text = |name: &str| parsed.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = match parsed.get("restate_code").or_else(|| parsed.get("code")) {
        Some(Value::String(s)) if told(s) => Some(s.clone()),
        Some(Value::Number(n)) => Some(n.to_string()),
        _ => None,
    };
    let message = text("message").unwrap_or_else(|| {
        let raw = String::from_utf8_lossy(body);
        match raw.trim() {
            "" => status.canonical_reason().unwrap_or("no text").to_owned(),
            text => text.to_owned(),
        }
    });
    let message = match told(&message) {
        true => message.chars().take(MESSAGE_CHARS).collect(),
        false => "its text repeats a secret and is withheld".to_owned(),
    };
    ApiError::Status {
        operation,
        status: status.as_u16(),
        code,
        message,
        origin: text("source"),
    }
}

/// Encodes one path segment; refuses what no encoding can carry.
pub(crate) fn segment(what: &str, value: &str) -> Result<String, ApiError> {
    match value {
        "" => Err(ApiError::BadPath(format!("the {what} is empty"))),
        // every URL parser takes these for directory steps, encoded or not
        "." | ".." => Err(ApiError::BadPath(format!(
            "the {what} {value:?} cannot be put into a path"
        ))),
        _ => Ok(utf8_percent_encode(value, SEGMENT).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::{Admin, Ingress};

    #[test]
    fn keys_are_encoded_and_unusable_ones_refused() {
        assert_eq!(segment("key", "a/b c:ü%").unwrap(), "a%2Fb%20c%3A%C3%BC%25");
        assert_eq!(segment("key", "ws_1-x.y~z").unwrap(), "ws_1-x.y~z");
        for bad in ["", ".", ".."] {
            assert!(
                matches!(segment("key", bad), Err(ApiError::BadPath(_))),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn error_bodies_of_both_apis_are_read() {
        let ingress = br#"{"code":404,"message":"[404] no such thing","source":"invocation"}"#;
        let e = status_error("call".into(), StatusCode::NOT_FOUND, ingress, None);
        assert!(e.from_invocation() && e.message() == Some("[404] no such thing"));
        let admin = br#"{"message":"no route to host","restate_code":"META0003"}"#;
        let ApiError::Status { code, .. } = status_error(
            "register".into(),
            StatusCode::INTERNAL_SERVER_ERROR,
            admin,
            None,
        ) else {
            panic!("not a status error")
        };
        assert_eq!(code.as_deref(), Some("META0003"));
        let bare = status_error("x".into(), StatusCode::BAD_GATEWAY, b"", None);
        assert_eq!(bare.message(), Some("Bad Gateway"));
        assert_eq!(bare.class(), crate::Class::Unavailable);
        let echo = br#"{"message":"refused: Bearer hunter2","code":"hunter2"}"#;
        let e = status_error("x".into(), StatusCode::UNAUTHORIZED, echo, Some("hunter2"));
        assert!(!format!("{e} {e:?}").contains("hunter2"), "{e:?}");
    }

    #[test]
    fn addresses_must_be_http() {
        for bad in ["", "restate:8080", "ftp://x", "http://"] {
            assert!(
                matches!(Http::new(bad, None), Err(ApiError::BadUrl(_))),
                "{bad:?}"
            );
        }
        let http = Http::new("http://restate:8080/", Some("s3cret")).unwrap();
        assert!(!format!("{http:?}").contains("s3cret"));
    }

    /// A server that gives every request the same answer.
    async fn peer(status: &'static str, body: &'static str) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
                );
                let _ = stream.write_all((head + body).as_bytes()).await;
            }
        });
        url
    }

    /// A server whose answers have no end.
    async fn flood(status: &'static str) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(&[b' '; 1 << 16]).await.is_ok() {}
            }
        });
        url
    }

    #[tokio::test]
    async fn an_answer_without_end_is_not_read() {
        let ingress = Ingress::new(&flood("200 OK").await, None).unwrap();
        let error = ingress.call("s", "k", "H", &Value::Null).await.unwrap_err();
        assert!(error.to_string().contains("longer than"), "{error}");
        let admin = Admin::new(&flood("500 Broken").await, None).unwrap();
        let error = admin.cancel("inv_1").await.unwrap_err();
        assert_eq!(error.status(), Some(500), "{error}");
    }

    #[test]
    fn each_request_is_measured_by_a_fixed_word_and_its_outcome() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                let url = peer("200 OK", r#"{"invocationId":"inv_hunter2"}"#).await;
                let ingress = Ingress::new(&url, None).unwrap();
                let body = Value::Null;
                ingress.call("s", "hunter2", "H", &body).await.unwrap();
                ingress
                    .send("s", "hunter2", "H", &body, None)
                    .await
                    .unwrap();
                ingress.resolve_awakeable("hunter2", &body).await.unwrap();
                let url = peer("404 Not Found", r#"{"message":"hunter2"}"#).await;
                let admin = Admin::new(&url, None).unwrap();
                admin.cancel("inv_hunter2").await.unwrap_err();
                let nobody = Admin::new("http://127.0.0.1:1", None).unwrap();
                nobody.query("SELECT 'hunter2'").await.unwrap_err();
            });
        });
        let text = recorder.handle().render();
        for (operation, outcome) in [
            ("call", "ok"),
            ("send", "ok"),
            ("resolve", "ok"),
            ("cancel", "not_found"),
            ("query", "unavailable"),
        ] {
            let labels =
                format!("adapter=\"restate\",operation=\"{operation}\",outcome=\"{outcome}\"");
            let line = format!("ctrl_worker_outside_seconds_count{{{labels}}} 1");
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("hunter2"));
    }
}
