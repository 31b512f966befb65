//! The request: bounded in time and size, without proxies, cookies or credentials, on one host from beginning to end.

use crate::Timings;
use crate::reach::{Forbidden, Guard, Lookup, Reach, may_reach, system};
use durable::{Fault, Stop, codes};
use futures::FutureExt as _;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response};
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::{Host, Url};

/// Redirects followed on the same host.
const MOST_REDIRECTS: usize = 3;
const CONNECT: Duration = Duration::from_secs(5);

/// How a deployment's host is reached.
#[derive(Clone)]
pub struct Way {
    scheme: &'static str,
    port: Option<u16>,
    lookup: Lookup,
    reach: Reach,
}

impl Way {
    /// Production: `https`, the system's resolver, public addresses only.
    pub fn public() -> Self {
        Self {
            scheme: "https",
            port: None,
            lookup: system(),
            reach: Reach::Public,
        }
    }

    /// For tests: every host is this server, spoken to in plain HTTP. `private`: whether it may have a private address.
    pub fn to(server: SocketAddr, private: bool) -> Self {
        Self {
            scheme: "http",
            port: Some(server.port()),
            lookup: Arc::new(move |_: String| {
                async move { Ok::<_, std::io::Error>(vec![server]) }.boxed()
            }),
            reach: if private {
                Reach::Cluster
            } else {
                Reach::Public
            },
        }
    }

    /// The address of a host, for [`crate::path::url`].
    pub(crate) fn base(&self, host: &str) -> String {
        match self.port {
            Some(port) => format!("{}://{host}:{port}", self.scheme),
            None => format!("{}://{host}", self.scheme),
        }
    }
}

/// The clients could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for OpenAPI documents could not be built")]
pub struct ScraperError(#[from] reqwest::Error);

/// Fetches documents.
#[derive(Clone)]
pub struct Scraper {
    pub(crate) way: Way,
    outside: Client,
    cluster: Client,
    max_bytes: usize,
}

impl std::fmt::Debug for Scraper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scraper").finish_non_exhaustive()
    }
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// A document.
    Document(Vec<u8>),
    /// Nothing, or nothing that is an OpenAPI document.
    Nothing,
}

impl Scraper {
    /// Builds the clients; connects to nothing.
    ///
    /// # Errors
    /// TLS could not be set up.
    pub fn new(way: Way, timings: &Timings) -> Result<Self, ScraperError> {
        Ok(Self {
            outside: client(&way.lookup, way.reach, timings.request)?,
            cluster: client(&system(), Reach::Cluster, timings.request)?,
            max_bytes: timings.max_bytes,
            way,
        })
    }

    /// Gets a document. `instance`: the deployment whose instance the URL is, in a development cluster.
    pub(crate) async fn get(&self, url: Url, instance: Option<&str>) -> Result<Fetched, Stop> {
        let begun = Instant::now();
        let result = trace_context::outside("openapi", "get", self.answer(url, instance)).await;
        let outcome = match &result {
            Ok(Fetched::Document(_)) => "ok",
            Ok(Fetched::Nothing) => "not_found",
            Err(Stop::Terminal(_)) => "refused",
            Err(_) => "unavailable",
        };
        let labels = [
            ("adapter", "openapi"),
            ("operation", "get"),
            ("outcome", outcome),
        ];
        metrics::histogram!("ctrl_worker_outside_seconds", &labels)
            .record(begun.elapsed().as_secs_f64());
        result
    }

    async fn answer(&self, url: Url, instance: Option<&str>) -> Result<Fetched, Stop> {
        let (client, reach) = match instance {
            Some(_) => (&self.cluster, Reach::Cluster),
            None => (&self.outside, self.way.reach),
        };
        // Addresses do not pass the resolver.
        let address: Option<IpAddr> = match url.host() {
            Some(Host::Ipv4(ip)) => Some(ip.into()),
            Some(Host::Ipv6(ip)) => Some(ip.into()),
            _ => None,
        };
        if address.is_some_and(|ip| !may_reach(ip, reach)) {
            return Err(
                forbidden("The deployment's host is an address that may not be reached.").into(),
            );
        }
        let mut request = client.get(url);
        if let Some(id) = instance {
            request = request.header("x-deployment-id", id);
        }
        let response = request.send().await.map_err(failed)?;
        match response.status().as_u16() {
            200 => self.body(response).await,
            404 => Ok(Fetched::Nothing),
            300..=399 => Err(forbidden("The deployment's host redirects to another host.").into()),
            status => Err(Stop::retry(format!(
                "the deployment's host answered {status}"
            ))),
        }
    }

    async fn body(&self, mut response: Response) -> Result<Fetched, Stop> {
        let too_large = || {
            Stop::fault(
                codes::SPEC_TOO_LARGE,
                format!(
                    "The OpenAPI document is larger than {} bytes; nothing was stored. Serve a smaller one.",
                    self.max_bytes
                ),
            )
        };
        if response
            .content_length()
            .is_some_and(|length| length > self.max_bytes as u64)
        {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.max_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        if is_document(&body) {
            return Ok(Fetched::Document(body));
        }
        tracing::info!(
            bytes = body.len(),
            "what is served at the path is no OpenAPI document"
        );
        Ok(Fetched::Nothing)
    }
}

fn client(lookup: &Lookup, reach: Reach, timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .dns_resolver(Arc::new(Guard {
            lookup: lookup.clone(),
            reach,
        }))
        .redirect(Policy::custom(follow))
        .no_proxy()
        .referer(false)
        .connect_timeout(CONNECT)
        .timeout(timeout)
        .user_agent("ctrl-worker-openapi")
        .build()
}

/// Follows on the same origin; elsewhere the redirect itself is the answer.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let same = attempt
        .previous()
        .first()
        .is_some_and(|first| first.origin() == attempt.url().origin());
    if same && attempt.previous().len() <= MOST_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

fn forbidden(what: &str) -> Fault {
    Fault {
        code: codes::SPEC_FORBIDDEN_ADDRESS,
        text: format!("{what} Nothing was stored."),
    }
}

/// A name that leads nowhere public stays so for a while; everything else may heal. The text names no address.
fn failed(error: reqwest::Error) -> Stop {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(source) = cause {
        if source.is::<Forbidden>() {
            return forbidden("The deployment's host leads to an address that is not public.")
                .into();
        }
        cause = source.source();
    }
    Stop::retry(error.without_url())
}

/// Whether a text says of itself that it is an OpenAPI document, in JSON or YAML. Many apps answer every path with
/// their start page.
fn is_document(body: &[u8]) -> bool {
    if let Ok(keys) = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(body) {
        return keys.contains_key("openapi") || keys.contains_key("swagger");
    }
    std::str::from_utf8(body).is_ok_and(|text| {
        text.lines().any(|line| {
            let key = line
                .split(':')
                .next()
                .unwrap_or_default()
                .trim_end()
                .trim_matches(['"', '\'']);
            line.contains(':') && matches!(key, "openapi" | "swagger")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_says_what_it_is() {
        for good in [
            r#"{"openapi":"3.1.0","info":{}}"#,
            r#"{"swagger":"2.0"}"#,
            "# ours\nopenapi: 3.0.3\ninfo:\n  title: x\n",
            "\"swagger\" : '2.0'\n",
        ] {
            assert!(is_document(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "{}",
            "[1,2]",
            r#"{"info":{"openapi":"3"}}"#,
            "<!doctype html><p>openapi: no</p>",
            "info:\n  openapi: 3\n",
            "openapi",
        ] {
            assert!(!is_document(bad.as_bytes()), "{bad}");
        }
        assert!(!is_document(&[0xff, 0xfe, b'o']));
    }

    /// Asks a server on loopback for a document, by way of a name or of its address.
    async fn ask(host: &str, private: bool) -> Stop {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let server = listener.local_addr().expect("an address");
        let timings = Timings {
            request: Duration::from_millis(300),
            ..Timings::default()
        };
        let scraper = Scraper::new(Way::to(server, private), &timings).expect("clients");
        let url = Url::parse(&scraper.way.base(host)).expect("a URL");
        let asked = scraper.get(url, None);
        let (stop, accepted) = tokio::join!(
            asked,
            tokio::time::timeout(Duration::from_millis(600), listener.accept())
        );
        assert_eq!(
            accepted.is_ok(),
            private,
            "{host}: whether a connection was made"
        );
        stop.expect_err("nobody answers")
    }

    #[tokio::test]
    async fn no_connection_is_made_to_a_private_address() {
        for host in ["app.unkey.test", "127.0.0.1", "[::1]"] {
            let stop = ask(host, false).await;
            let fault =
                matches!(&stop, Stop::Terminal(f) if f.code == codes::SPEC_FORBIDDEN_ADDRESS);
            assert!(fault, "{host}: {stop}");
        }
        // The control: where it is allowed, the same name is connected to.
        assert!(matches!(ask("app.unkey.test", true).await, Stop::Retry(_)));
    }

    #[test]
    fn hosts_are_asked_over_tls() {
        assert_eq!(Way::public().base("a.b"), "https://a.b");
        let test = Way::to(([127, 0, 0, 1], 81).into(), true);
        assert_eq!(test.base("a.b"), "http://a.b:81");
    }
}
