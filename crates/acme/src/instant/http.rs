//! The HTTP client below the library: bounded in time and size, and it remembers what the library drops.
//!
//! Not here: what answers mean; see `read`.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::{Operation, Problem, Settings};

/// Refused nonces, counted one by one: the library repeats some of them out of sight.
const NONCES_REFUSED: &str = "ctrl_worker_acme_nonces_refused_total";

/// What was seen of the last answer of an exchange.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) retry_after_ms: Option<i64>,
}

tokio::task_local! {
    static SEEN: Arc<Mutex<Seen>>;
}

/// Runs an exchange and tells what was seen of its last answer. The library asks within the caller's task.
pub(super) async fn watch<T>(exchange: impl Future<Output = T>) -> (T, Seen) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let result = SEEN.scope(seen.clone(), exchange).await;
    let seen = seen.lock().unwrap_or_else(|e| e.into_inner()).clone();
    (result, seen)
}

fn note(seen: Seen) {
    // nobody watches a request that is not part of an exchange
    let _ = SEEN.try_with(|cell| *cell.lock().unwrap_or_else(|e| e.into_inner()) = seen);
}

/// The client. Clones share connections.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    exchange: Duration,
    answer_bytes: usize,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) seen: Seen,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("{}", causes::chain(.0))]
    Way(reqwest::Error),
    #[error("its answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl Http {
    pub(super) fn new(settings: &Settings) -> Result<Self, Problem> {
        let refuse = |why: String| Problem::settings(Operation::Settings, why);
        let url = Url::parse(&settings.directory)
            .map_err(|error| refuse(format!("the directory is not a URL ({error})")))?;
        let loopback = is_loopback(&url);
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(refuse("the directory's URL is not https".to_owned()));
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(settings.limits.connect)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(!loopback)
            .tcp_nodelay(true)
            .user_agent(concat!("ctrl-worker/", env!("CARGO_PKG_VERSION")));
        if loopback {
            builder = builder.no_proxy();
        }
        if let Some(bundle) = &settings.ca_bundle {
            let trusted = reqwest::Certificate::from_pem_bundle(bundle)
                .map_err(|_| refuse("the CA bundle is not PEM".to_owned()))?;
            if trusted.is_empty() {
                return Err(refuse("the CA bundle holds no certificate".to_owned()));
            }
            builder = builder.tls_certs_merge(trusted);
        }
        let client = builder
            .build()
            .map_err(|error| refuse(error.without_url().to_string()))?;
        Ok(Self {
            client,
            exchange: settings.limits.exchange,
            answer_bytes: settings.limits.answer_bytes,
        })
    }

    /// Sends a request and reads the answer to its end.
    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, NoAnswer> {
        let way = |error: reqwest::Error| NoAnswer::Way(error.without_url());
        let mut response = request.timeout(self.exchange).send().await.map_err(way)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(way)? {
            if body.len() + chunk.len() > self.answer_bytes {
                return Err(NoAnswer::TooLarge(self.answer_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        let seen = Seen {
            status,
            retry_after_ms: retry_after_ms(&headers, SystemTime::now()),
        };
        note(seen.clone());
        if status == 400 && kind_of(&body).as_deref() == Some(super::read::BAD_NONCE) {
            metrics::counter!(NONCES_REFUSED).increment(1);
        }
        Ok(Answer {
            status,
            headers,
            body: body.into(),
            seen,
        })
    }

    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// A plain GET without signature; anything but 2xx is a problem.
    pub(super) async fn get(
        &self,
        operation: Operation,
        url: &str,
    ) -> Result<(Bytes, Seen), Problem> {
        let answer = self
            .send(self.client.get(url))
            .await
            .map_err(|error| Problem::unreachable(operation, error.to_string()))?;
        if (200..300).contains(&answer.status) {
            Ok((answer.body, answer.seen))
        } else {
            Err(super::read::refusal(operation, &answer))
        }
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let http = self.clone();
        Box::pin(async move {
            let other = |error: NoAnswer| instant_acme::Error::Other(Box::new(error));
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let request = http
                .client
                .request(parts.method, parts.uri.to_string())
                .headers(parts.headers)
                .body(body.to_bytes());
            let answer = http.send(request).await.map_err(other)?;
            let body = if answer.status >= 400 {
                problem_document(&answer)
            } else {
                answer.body
            };
            let mut response = http::Response::new(());
            // the status was read from a response, so it is one
            if let Ok(status) = http::StatusCode::from_u16(answer.status) {
                *response.status_mut() = status;
            }
            *response.headers_mut() = answer.headers;
            let (parts, ()) = response.into_parts();
            Ok(BytesResponse {
                parts,
                body: Box::new(body),
            })
        })
    }
}

/// The body of a refusal as a problem document: what is none (a proxy's page) becomes one, so that the library keeps
/// the status.
fn problem_document(answer: &Answer) -> Bytes {
    if kind_of(&answer.body).is_some() {
        return answer.body.clone();
    }
    let mut text = String::from_utf8_lossy(&answer.body).into_owned();
    text.truncate(text.floor_char_boundary(200));
    let kind = answer.headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|k| k.to_str().ok()).unwrap_or("no type");
    let document = serde_json::json!({
        "status": answer.status,
        "detail": format!("no problem document but {kind}: {text}"),
    });
    document.to_string().into()
}

fn kind_of(body: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    Some(document.as_object()?.get("type")?.as_str()?.to_owned())
}

/// Reads `Retry-After`, seconds or a date, as Unix milliseconds.
fn retry_after_ms(headers: &HeaderMap, now: SystemTime) -> Option<i64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let now_ms = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis();
    let now_ms = i64::try_from(now_ms).ok()?;
    match text.parse::<i64>() {
        // a year is more than any authority means
        Ok(seconds) => Some(now_ms + seconds.clamp(0, 31_536_000) * 1000),
        Err(_) => crate::date::date_ms(text),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_500);
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after_ms(&headers, now)
        };
        assert_eq!(read("600"), Some(1_600_500));
        assert_eq!(read(" 0 "), Some(1_000_500));
        assert_eq!(read("-5"), Some(1_000_500));
        assert_eq!(read("Fri, 31 Dec 1999 23:59:59 GMT"), Some(946_684_799_000));
        assert_eq!(read("soon"), None);
        assert_eq!(read("999999999999"), Some(1_000_500 + 31_536_000_000));
        assert_eq!(retry_after_ms(&HeaderMap::new(), now), None);
    }

    #[test]
    fn only_https_is_spoken_except_on_loopback() {
        for good in [
            "https://ca.example/dir",
            "http://127.0.0.1:1/dir",
            "http://localhost:1/d",
        ] {
            assert!(Http::new(&Settings::of(good)).is_ok(), "{good}");
        }
        for bad in ["http://ca.example/dir", "ca.example", "ftp://127.0.0.1/"] {
            let problem = Http::new(&Settings::of(bad)).unwrap_err();
            assert_eq!(problem.class(), Class::Settings, "{bad}");
        }
        let mut settings = Settings::of("https://ca.example/dir");
        for bundle in ["", "hello"] {
            settings.ca_bundle = Some(bundle.into());
            assert!(Http::new(&settings).is_err(), "{bundle}");
        }
    }
}
