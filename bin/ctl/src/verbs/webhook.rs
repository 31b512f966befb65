//! `ctl webhook`: the control API's address for GitHub. A delivery is read, checked and left with Restate; one line tells
//! of each. Nothing is written and no database is needed.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use restate_api::Ingress;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use webhook_intake::{Delivery, LIMIT, Message};

use crate::cli::{Addresses, Webhook};
use crate::failure::Failure;
use crate::output::Output;

/// Where deliveries are posted to.
const PATH: &str = "/webhooks/github";
/// Connections at a time; the others wait.
const CONNECTIONS: usize = 64;
/// A sender has so long for the head of a request, and for all of it.
const HEAD: Duration = Duration::from_secs(30);
const WHOLE: Duration = Duration::from_secs(60);
/// GitHub waits ten seconds for an answer.
const SEND: Duration = Duration::from_secs(9);
/// What is under way when it ends has so long.
const REST: Duration = Duration::from_secs(10);

/// What is told.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Told {
    Listening {
        url: String,
    },
    Delivery {
        /// GitHub's id of it; absent where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// What was answered.
        status: u16,
        /// What came of it, in words.
        text: String,
        /// The invocation that has it now.
        #[serde(skip_serializing_if = "Option::is_none")]
        invocation_id: Option<String>,
    },
}

/// What every request is answered with.
struct Endpoint {
    secret: Vec<u8>,
    ingress: Ingress,
    url: String,
    output: Output,
}

/// An answer, and what is told of it.
struct Answer {
    status: u16,
    text: String,
    invocation_id: Option<String>,
}

impl Answer {
    fn new(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            invocation_id: None,
        }
    }
}

pub(crate) async fn run(
    addresses: Addresses,
    output: Output,
    webhook: Webhook,
) -> Result<(), Failure> {
    let secret = secret(&webhook.secret_env)?;
    let ingress = Ingress::new(&addresses.ingress, addresses.api_key.as_deref())
        .map_err(|error| Failure::Usage(format!("--ingress: {error}")))?;
    let unusable =
        |error: std::io::Error| Failure::Usage(format!("--listen {}: {error}", webhook.listen));
    let listener = TcpListener::bind(webhook.listen).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unusable)?;
    output.say(&Told::Listening {
        url: format!("http://{address}{PATH}"),
    });
    let endpoint = Arc::new(Endpoint {
        secret,
        ingress: ingress.with_timeout(Some(SEND)),
        url: addresses.ingress,
        output,
    });
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let (close, closing) = watch::channel(());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            Some(_) = connections.join_next() => continue,
        };
        let Some((stream, place)) = accepted else {
            continue;
        };
        let (endpoint, closing) = (Arc::clone(&endpoint), closing.clone());
        connections.spawn(async move {
            serve(stream, endpoint, closing).await;
            drop(place);
        });
    }
    drop((listener, close));
    let rest = async { while connections.join_next().await.is_some() {} };
    // who sends slower than that is not waited for
    let _ = tokio::time::timeout(REST, rest).await;
    Ok(())
}

/// The next connection, with a place for it. Nothing when there is none: the system is short of something, for a moment.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            eprintln!("warning: a connection was not accepted: {error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// The requests of one connection.
async fn serve(
    stream: tokio::net::TcpStream,
    endpoint: Arc<Endpoint>,
    closing: watch::Receiver<()>,
) {
    let service = service_fn(move |request| {
        let endpoint = Arc::clone(&endpoint);
        async move { Ok::<_, Infallible>(endpoint.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut closing = closing;
    // a sender that goes away is its own business
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = closing.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

impl Endpoint {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let id = request.headers().get("x-github-delivery");
        let id = id
            .and_then(|id| id.to_str().ok())
            .map(|id| crate::text::one_line(id).chars().take(100).collect());
        let answer = match request.uri().path() {
            PATH => self.take(request).await,
            _ => Answer::new(404, format!("deliveries are posted to {PATH}")),
        };
        let response = respond(&answer);
        self.output.say(&Told::Delivery {
            id,
            status: answer.status,
            text: answer.text,
            invocation_id: answer.invocation_id,
        });
        response
    }

    async fn take(&self, request: Request<Incoming>) -> Answer {
        // before any of the body is read
        if request.method() != Method::POST {
            return Answer::new(405, "deliveries are posted");
        }
        let (head, body) = request.into_parts();
        let body = Limited::new(body, LIMIT).collect();
        let body = match tokio::time::timeout(WHOLE, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return Answer::new(413, format!("longer than {LIMIT} bytes"));
            }
            Ok(Err(error)) => return Answer::new(400, format!("not read to its end: {error}")),
            Err(_) => return Answer::new(408, "did not arrive in time"),
        };
        match webhook_intake::read(&head.method, &head.headers, &body, &self.secret) {
            Ok(Delivery::Message(message)) => self.send(*message).await,
            Ok(Delivery::Nothing(why)) => Answer::new(200, why),
            Err(refusal) => Answer::new(refusal.status, refusal.text),
        }
    }

    async fn send(&self, message: Message) -> Answer {
        let handler = message.request.handler();
        let sent = self
            .ingress
            .send_after(
                github_webhook_client::SERVICE,
                message.key.as_str(),
                handler,
                &message.request,
                message.idempotency_key.as_deref(),
                Duration::ZERO,
            )
            .await;
        match sent {
            Ok(sent) => Answer {
                invocation_id: Some(sent.invocation_id),
                ..Answer::new(
                    200,
                    match sent.fresh {
                        true => format!("{handler} of {}", message.key),
                        false => format!("{handler} of {}, delivered before", message.key),
                    },
                )
            },
            // GitHub shows it as failed, and it can be delivered again there
            Err(error) => Answer::new(500, Failure::of_ingress(&error, &self.url).to_string()),
        }
    }
}

/// What the sender is told: words only where it did something wrong.
fn respond(answer: &Answer) -> Response<Full<Bytes>> {
    let text = match answer.status {
        400..500 => format!("{}\n", answer.text),
        500.. => "the delivery could not be handed over; deliver it again\n".to_owned(),
        _ => String::new(),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if answer.status == 405 {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn secret(variable: &str) -> Result<Vec<u8>, Failure> {
    match std::env::var(variable) {
        Ok(secret) if !secret.is_empty() => Ok(secret.into_bytes()),
        Ok(_) | Err(std::env::VarError::NotPresent) => Err(Failure::Usage(format!(
            "--secret-env: the variable {variable} is empty; without a secret everybody could deploy"
        ))),
        Err(error) => Err(Failure::Usage(format!("--secret-env {variable}: {error}"))),
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { url } => write!(f, "listening at {url}"),
            Self::Delivery {
                id,
                status,
                text,
                invocation_id,
            } => {
                let id = id.as_deref().unwrap_or("(no id)");
                write!(f, "{status} {id}  {}", crate::text::one_line(text))?;
                invocation_id.as_ref().map_or(Ok(()), |invocation| {
                    write!(f, ", handed to Restate as {invocation}")
                })
            }
        }
    }
}
