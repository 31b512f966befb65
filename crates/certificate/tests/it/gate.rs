//! A gate in front of Pebble over HTTPS: passes every exchange on as it is, notes it, and answers in Pebble's place when
//! told to. Pebble makes its URLs from the host it is asked for, so that nothing has to be rewritten.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Pebble's path of new orders.
pub(crate) const NEW_ORDER: &str = "/order-plz";
/// Of new accounts.
pub(crate) const NEW_ACCOUNT: &str = "/sign-me-up";
/// Of certificate requests.
pub(crate) const FINALIZE: &str = "/finalize-order/";
/// Our own, where the gate offers renewal information.
const RENEWAL_INFO: &str = "/renewal-info";

/// An exchange that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) at: Instant,
    pub(crate) path: String,
    /// What the client signed.
    pub(crate) payload: Value,
    /// Whether Pebble has seen it.
    pub(crate) passed: bool,
}

/// An answer in Pebble's place.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// Beginning of the path.
    pub(crate) path: &'static str,
    /// A text in the payload, such as a host name; empty: any.
    pub(crate) about: String,
    pub(crate) status: u16,
    /// After `urn:ietf:params:acme:error:`; empty: no problem document.
    pub(crate) kind: &'static str,
    pub(crate) retry_after: Option<u64>,
    pub(crate) times: u32,
}

#[derive(Default)]
struct State {
    refusals: Vec<Refusal>,
    seen: Vec<Exchange>,
    window: Option<(String, String)>,
    bad_nonces: usize,
}

pub(crate) struct Gate {
    pub(crate) directory: String,
    pub(crate) ca: String,
    state: Arc<Mutex<State>>,
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    pub(crate) async fn start(pebble_directory: &str, pebble_ca: &str) -> Self {
        let (ca, acceptor) = acceptor();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let trusted = reqwest::Certificate::from_pem(pebble_ca.as_bytes()).expect("PEM");
        let http = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .tls_certs_only([trusted])
            .build()
            .expect("a client");
        let upstream = pebble_directory.trim_end_matches("/dir").to_owned();
        let served = state.clone();
        testbed::runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), served.clone());
                let (http, upstream) = (http.clone(), upstream.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(move |request| {
                        let (state, http, upstream) =
                            (state.clone(), http.clone(), upstream.clone());
                        async move {
                            Ok::<_, Infallible>(answer(&state, &http, &upstream, request).await)
                        }
                    });
                    // a client that goes away in the middle is its own business
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            directory: format!("https://{address}/dir"),
            ca,
            state,
        }
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        locked(&self.state).refusals.push(refusal);
    }

    /// Offers renewal information with this window (RFC 3339) for every certificate.
    pub(crate) fn offer_window(&self, start: &str, end: &str) {
        locked(&self.state).window = Some((start.to_owned(), end.to_owned()));
    }

    /// What arrived at paths that begin so, about this text.
    pub(crate) fn seen(&self, path: &str, about: &str) -> Vec<Exchange> {
        let of = |e: &&Exchange| e.path.starts_with(path) && e.payload.to_string().contains(about);
        locked(&self.state)
            .seen
            .iter()
            .filter(of)
            .cloned()
            .collect()
    }

    /// Nonces Pebble has refused.
    pub(crate) fn bad_nonces(&self) -> usize {
        locked(&self.state).bad_nonces
    }

    /// Everything that arrived.
    pub(crate) fn all(&self) -> Vec<Exchange> {
        locked(&self.state).seen.clone()
    }

    /// Orders for a name that Pebble has made.
    pub(crate) fn orders(&self, host: &str) -> usize {
        let orders = self.seen(NEW_ORDER, &format!("\"{host}\""));
        orders.iter().filter(|e| e.passed).count()
    }
}

fn acceptor() -> (String, TlsAcceptor) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).expect("a certificate");
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a configuration");
    (ca.pem(), TlsAcceptor::from(Arc::new(config)))
}

async fn answer(
    state: &Mutex<State>,
    http: &reqwest::Client,
    upstream: &str,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|b| b.to_bytes())
        .unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let payload = payload_of(&body);
    let (refusal, window) = {
        let mut state = locked(state);
        let text = payload.to_string();
        let wanted =
            |r: &&mut Refusal| r.times > 0 && path.starts_with(r.path) && text.contains(&r.about);
        let refusal = state.refusals.iter_mut().find(wanted).map(|r| {
            r.times -= 1;
            r.clone()
        });
        let window = state.window.clone();
        let own = path.starts_with(RENEWAL_INFO);
        let passed = refusal.is_none() && !own;
        let at = Instant::now();
        state.seen.push(Exchange {
            at,
            path: path.clone(),
            payload,
            passed,
        });
        (refusal, window)
    };
    let mut response = Response::new(Full::default());
    if let Some(refusal) = refusal {
        *response.status_mut() = refusal.status.try_into().expect("a status");
        let headers = response.headers_mut();
        if let Some(seconds) = refusal.retry_after {
            headers.insert("retry-after", seconds.into());
        }
        if !refusal.kind.is_empty() {
            headers.insert(
                "content-type",
                "application/problem+json".parse().expect("a value"),
            );
            let kind = format!("urn:ietf:params:acme:error:{}", refusal.kind);
            let document = json!({ "type": kind, "detail": "as told", "status": refusal.status });
            *response.body_mut() = document.to_string().into();
        }
        return response;
    }
    if let (true, Some((start, end))) = (path.starts_with(RENEWAL_INFO), &window) {
        let info = json!({ "suggestedWindow": { "start": start, "end": end } });
        response.headers_mut().insert("retry-after", 21_600.into());
        response
            .headers_mut()
            .insert("content-type", "application/json".parse().expect("a value"));
        *response.body_mut() = info.to_string().into();
        return response;
    }
    let host = parts.headers.get("host").cloned();
    let mut onward = http
        .request(parts.method.clone(), format!("{upstream}{}", parts.uri))
        .body(body.to_vec());
    for name in ["content-type", "user-agent", "accept"] {
        if let Some(value) = parts.headers.get(name) {
            onward = onward.header(name, value);
        }
    }
    if let Some(host) = &host {
        onward = onward.header("host", host);
    }
    let Ok(answered) = onward.send().await else {
        *response.status_mut() = hyper::StatusCode::BAD_GATEWAY;
        return response;
    };
    *response.status_mut() = answered.status();
    for (name, value) in answered.headers() {
        if !["transfer-encoding", "content-length", "connection"].contains(&name.as_str()) {
            response.headers_mut().append(name, value.clone());
        }
    }
    let mut text = answered.bytes().await.unwrap_or_default();
    if String::from_utf8_lossy(&text).contains("error:badNonce") {
        locked(state).bad_nonces += 1;
    }
    if path == "/dir" && window.is_some() {
        let mut directory: Value = serde_json::from_slice(&text).expect("a directory");
        let host = host
            .and_then(|h| h.to_str().map(str::to_owned).ok())
            .unwrap_or_default();
        directory["renewalInfo"] = json!(format!("https://{host}{RENEWAL_INFO}"));
        text = directory.to_string().into();
    }
    *response.body_mut() = Full::new(text);
    response
}

fn payload_of(jws: &[u8]) -> Value {
    let read = || {
        let jws: Value = serde_json::from_slice(jws).ok()?;
        let payload = URL_SAFE_NO_PAD.decode(jws["payload"].as_str()?).ok()?;
        serde_json::from_slice(&payload).ok()
    };
    read().unwrap_or(Value::Null)
}
