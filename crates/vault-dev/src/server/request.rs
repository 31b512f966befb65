//! One HTTP request: routing, the checks of the Connect protocol, authentication, limits, health.
//!
//! Order: what the address and method are, then who calls, and only then what was sent.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method as Verb, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::json;
use zeroize::Zeroizing;

use super::Shared;
use crate::refusal::Code;
use crate::rpc::{self, Failure, Format, Method};

type Answer = Response<Full<Bytes>>;

/// Before the token in `Authorization`: exactly this.
const BEARER: &[u8] = b"Bearer ";

/// Answers one request.
pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let path = request.uri().path();
    let answer = if let Some(check) = path.strip_prefix("/health/") {
        health(&shared, check, request.method()).await
    } else if let Some(method) = Method::from_path(path) {
        call(&shared, method, request).await
    } else {
        plain(StatusCode::NOT_FOUND, "no such method\n")
    };
    Ok(answer)
}

async fn call(shared: &Shared, method: Method, request: Request<Incoming>) -> Answer {
    if request.method() != Verb::POST {
        let mut answer = plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "methods are called with POST\n",
        );
        answer
            .headers_mut()
            .insert(ALLOW, http::HeaderValue::from_static("POST"));
        return answer;
    }
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let Some(format) = Format::from_content_type(content_type) else {
        return plain(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "application/proto and application/json are served\n",
        );
    };
    let called = async {
        if method != Method::Liveness && !may_call(shared, request.headers()) {
            return Err(failure(
                Code::Unauthenticated,
                "a valid bearer token is needed",
            ));
        }
        let limit = check_protocol(request.headers())?;
        let work = async {
            let body = body(shared, request).await?;
            rpc::serve(&shared.engine, method, format, &body).await
        };
        let too_late = || failure(Code::DeadlineExceeded, "the time of the call is over");
        match limit {
            Some(Duration::ZERO) => Err(too_late()),
            Some(limit) => tokio::time::timeout(limit, work)
                .await
                .unwrap_or_else(|_| Err(too_late())),
            None => work.await,
        }
    };
    match called.await {
        Ok(message) => respond(StatusCode::OK, format.content_type(), message),
        Err(failure) => {
            tracing::debug!(?method, code = failure.code.text(), "refused");
            refused(&failure)
        }
    }
}

fn may_call(shared: &Shared, headers: &HeaderMap) -> bool {
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(BEARER));
    token.is_some_and(|token| shared.tokens.accept(token))
}

/// Checks the protocol's own headers, each of which may be absent, and returns the time the caller gives.
fn check_protocol(headers: &HeaderMap) -> Result<Option<Duration>, Failure> {
    if headers
        .get("connect-protocol-version")
        .is_some_and(|version| version != "1")
    {
        return Err(failure(
            Code::InvalidArgument,
            "this version of the Connect protocol is not served",
        ));
    }
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return Err(failure(
            Code::Unimplemented,
            "compressed requests are not served",
        ));
    }
    let Some(timeout) = headers.get("connect-timeout-ms") else {
        return Ok(None);
    };
    let text = timeout.to_str().unwrap_or_default();
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(ms) if digits => Ok(Some(Duration::from_millis(ms))),
        _ => Err(failure(
            Code::InvalidArgument,
            "connect-timeout-ms must be one to ten digits",
        )),
    }
}

async fn body(shared: &Shared, request: Request<Incoming>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let most = shared.limits.body_bytes;
    let too_large = || {
        failure(
            Code::InvalidArgument,
            &format!("the request is larger than {most} bytes"),
        )
    };
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let announced: usize = announced.unwrap_or(0);
    if announced > most {
        return Err(too_large());
    }
    let read = async {
        let mut bytes = Zeroizing::new(Vec::with_capacity(announced));
        let mut incoming = request.into_body();
        while let Some(frame) = incoming.frame().await {
            let frame =
                frame.map_err(|_| failure(Code::InvalidArgument, "the request broke off"))?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            if bytes.len() + data.len() > most {
                return Err(too_large());
            }
            bytes.extend_from_slice(data);
        }
        Ok(bytes)
    };
    let too_slow = || failure(Code::DeadlineExceeded, "the request did not come in time");
    tokio::time::timeout(shared.limits.read, read)
        .await
        .unwrap_or_else(|_| Err(too_slow()))
}

async fn health(shared: &Shared, check: &str, verb: &Verb) -> Answer {
    if !matches!(*verb, Verb::GET | Verb::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "health is asked with GET\n");
    }
    let started = shared.started.load(Ordering::SeqCst);
    let stopping = shared.stopping.load(Ordering::SeqCst);
    let bad = match check {
        "live" => None,
        "startup" | "ready" if !started => Some("not started"),
        "startup" => None,
        "ready" if stopping => Some("shutting down"),
        "ready" if !storage_serves(shared).await => Some("storage unavailable"),
        "ready" => None,
        _ => {
            return plain(
                StatusCode::NOT_FOUND,
                "live, ready and startup are served\n",
            );
        }
    };
    let status = if bad.is_some() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let body = json!({ "status": bad.unwrap_or("ok") }).to_string();
    respond(status, "application/json", Bytes::from(body))
}

/// Reads an object that need not exist, within the budget.
async fn storage_serves(shared: &Shared) -> bool {
    let probe = shared.engine.store.get("health/probe");
    matches!(
        tokio::time::timeout(shared.limits.readiness, probe).await,
        Ok(Ok(_))
    )
}

fn failure(code: Code, message: &str) -> Failure {
    Failure {
        code,
        message: message.to_owned(),
    }
}

fn refused(failure: &Failure) -> Answer {
    let status =
        StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({ "code": failure.code.text(), "message": failure.message }).to_string();
    respond(status, "application/json", Bytes::from(body))
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    respond(
        status,
        "text/plain; charset=utf-8",
        Bytes::from_static(text.as_bytes()),
    )
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    answer
}
