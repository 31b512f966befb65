//! One HTTP call: its limits, its answer, and what is measured of it. Tried once: repeating is the caller's affair.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use url::{Host, Url};

use crate::{NotifyError, Operation};

/// Seconds of each call by operation and outcome: the family that every adapter of the worker shares.
const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";
/// Longest text of the other side that an error carries, in characters.
const MESSAGE_CHARS: usize = 200;
/// How much of an answer is read, in bytes.
const ANSWER_BYTES: usize = 4 << 10;
/// How long to wait when a rate limit does not say.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(5);
/// The longest wait a rate limit may ask for.
const LONGEST_RATE_LIMIT: Duration = Duration::from_secs(3600);
/// Redirects of a heartbeat URL that are followed.
const REDIRECTS: usize = 3;

/// Limits of every call. Not configuration keys: the worker runs with the defaults; tests shorten them.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time to open a connection.
    pub connect: Duration,
    /// Time of a whole call.
    pub call: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            call: Duration::from_secs(10),
        }
    }
}

/// An address and the client that calls it.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) http: Client,
    pub(crate) url: Url,
    operation: Operation,
    limit: Duration,
}

impl Line {
    pub(crate) fn new(
        operation: Operation,
        address: &str,
        options: &Options,
    ) -> Result<Self, NotifyError> {
        let refused = |why| NotifyError::Settings { operation, why };
        let url = Url::parse(address).map_err(|_| refused("is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(refused("is not http or https"));
        }
        // A message follows no redirect: it would be sent on as a GET, and its address is a secret.
        let redirect = match operation {
            Operation::Slack => Policy::none(),
            Operation::Heartbeat => Policy::limited(REDIRECTS),
        };
        let mut client = Client::builder()
            .connect_timeout(options.connect)
            .redirect(redirect)
            .tcp_nodelay(true);
        if is_loopback(&url) {
            client = client.no_proxy();
        }
        let http = client
            .build()
            .map_err(|_| refused("cannot be called: TLS is not set up"))?;
        Ok(Self {
            http,
            url,
            operation,
            limit: options.call,
        })
    }

    /// Sends the request; `good` says which status is a success.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        good: fn(u16) -> bool,
    ) -> Result<(), NotifyError> {
        let begun = Instant::now();
        let operation = self.operation;
        let answered = async {
            match tokio::time::timeout(self.limit, self.attempt(request, good)).await {
                Ok(result) => result,
                Err(_) => Err(NotifyError::TooLate {
                    operation,
                    after: self.limit,
                }),
            }
        };
        let result = trace_context::outside("notify", operation.label(), answered).await;
        let outcome = result
            .as_ref()
            .map_or_else(|error| error.class().label(), |()| "ok");
        let labels = [
            ("adapter", "notify"),
            ("operation", operation.label()),
            ("outcome", outcome),
        ];
        metrics::histogram!(OUTSIDE_SECONDS, &labels).record(begun.elapsed().as_secs_f64());
        result
    }

    async fn attempt(
        &self,
        request: RequestBuilder,
        good: fn(u16) -> bool,
    ) -> Result<(), NotifyError> {
        let operation = self.operation;
        let response = request
            .send()
            .await
            .map_err(|error| NotifyError::Connection {
                operation,
                source: error.without_url(),
            })?;
        let status = response.status().as_u16();
        if good(status) {
            return Ok(());
        }
        let until = (status == 429).then(|| SystemTime::now() + retry_after(response.headers()));
        Err(NotifyError::Answered {
            operation,
            status,
            message: message(&beginning(response).await, self.url.path()),
            until,
        })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// As much of the body as an error shows; a body that breaks off is as good as a short one.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == ANSWER_BYTES {
            break;
        }
    }
    body
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok());
    seconds
        .map_or(RATE_LIMIT_PAUSE, Duration::from_secs)
        .min(LONGEST_RATE_LIMIT)
}

fn message(body: &[u8], path: &str) -> String {
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() {
        return "no reason given".to_owned();
    }
    if path.len() > 1 && text.contains(path.trim_start_matches('/')) {
        return "reason withheld: it repeats the address".to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MESSAGE_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shortened_cleaned_and_withheld_when_it_repeats_the_address() {
        assert_eq!(message(b" \n", "/x"), "no reason given");
        assert_eq!(message(b"no_service\r\n", "/T1/B2"), "no_service  ");
        assert_eq!(
            message("ü".repeat(500).as_bytes(), "/x").chars().count(),
            200
        );
        let echo = message(b"no hook at services/T1/hunter2", "/services/T1/hunter2");
        assert!(!echo.contains("hunter2"), "{echo}");
        assert_eq!(message(b"fine", "/"), "fine");
    }

    #[test]
    fn a_wait_is_what_the_header_says_within_bounds() {
        let wait = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().expect("a header"));
            retry_after(&headers)
        };
        assert_eq!(wait("7"), Duration::from_secs(7));
        assert_eq!(wait("999999"), LONGEST_RATE_LIMIT);
        assert_eq!(wait("Wed, 21 Oct 2026 07:28:00 GMT"), RATE_LIMIT_PAUSE);
        assert_eq!(retry_after(&HeaderMap::new()), RATE_LIMIT_PAUSE);
    }
}
