//! The gate before moto: refuses what the real service refuses and moto takes (TXT values without quotes, creating a set
//! that exists, deleting a set other than exactly the one that is there), and fails when told to.
//!
//! A batch that passes is handed on by its result, for moto takes a set to exist that the same batch has deleted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::moto::Moto;
use super::xml::{self, Set};

const BODY_BYTES: usize = 1 << 20;

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// `CREATE`, `DELETE` or `UPSERT`.
    pub action: String,
    /// The name, as sent.
    pub name: String,
    /// The kind of records.
    pub kind: String,
    /// Seconds.
    pub ttl: i64,
    /// The values, as sent.
    pub values: Vec<String>,
}

/// A batch of changes a client has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The zone's id.
    pub zone: String,
    /// Its changes.
    pub changes: Vec<RecordChange>,
    /// Whether it was taken.
    pub taken: bool,
}

#[derive(Default)]
struct Plans {
    refusals: Vec<(u16, String)>,
    pending: u32,
    lose_answer: bool,
    before: Option<(String, Set)>,
    batches: Vec<Batch>,
    own_document: bool,
}

struct Shared {
    moto: Moto,
    plans: Mutex<Plans>,
    /// One batch at a time, as the service does for a zone.
    changing: tokio::sync::Mutex<()>,
}

impl Shared {
    fn plans(&self) -> std::sync::MutexGuard<'_, Plans> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gate; dropping it closes its port.
pub(super) struct Gate {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl Gate {
    pub(super) async fn start(moto: Moto) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            moto,
            plans: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self {
            addr,
            shared,
            accepting,
        })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn refuse(&self, status: u16, code: &str, times: u32) {
        let mut plans = self.shared.plans();
        plans
            .refusals
            .extend((0..times).map(|_| (status, code.to_owned())));
    }

    pub(super) fn pending(&self, looks: u32) {
        self.shared.plans().pending = looks;
    }

    pub(super) fn lose_answer_of_change(&self) {
        self.shared.plans().lose_answer = true;
    }

    pub(super) fn before_next_change(&self, zone: &str, set: Set) {
        self.shared.plans().before = Some((zone.to_owned(), set));
    }

    pub(super) fn batches(&self) -> Vec<Batch> {
        self.shared.plans().batches.clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let shared = shared.clone();
                async move {
                    match respond(&shared, request).await {
                        Some(response) => Ok::<_, LostAnswer>(response),
                        // hyper closes the connection
                        None => Err(LostAnswer),
                    }
                }
            });
            // a client that goes away in the middle is its own business
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the answer was to be lost")]
struct LostAnswer;

async fn respond(shared: &Shared, request: Request<Incoming>) -> Option<Response<String>> {
    let refusal = {
        let mut plans = shared.plans();
        (!plans.refusals.is_empty()).then(|| plans.refusals.remove(0))
    };
    if let Some((status, code)) = refusal {
        return Some(answer(status, xml::error(&code, "as the test wants it")));
    }
    let (parts, body) = request.into_parts();
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |p| p.as_str())
        .to_owned();
    let body = match read(body).await {
        Ok(body) => body,
        Err(why) => return Some(answer(400, xml::error("InvalidInput", &why))),
    };
    let bare = parts.uri.path().trim_end_matches('/');
    if parts.method == Method::POST && bare.ends_with("/rrset") {
        let zone = bare
            .trim_end_matches("/rrset")
            .rsplit('/')
            .next()
            .unwrap_or_default();
        return change(shared, zone, &String::from_utf8_lossy(&body)).await;
    }
    let (status, mut text) = match shared.moto.ask(parts.method, &path, body).await {
        Ok(both) => both,
        Err(why) => (502, xml::error("InternalFailure", &why)),
    };
    if bare.contains("/change/") {
        let mut plans = shared.plans();
        if plans.pending > 0 {
            plans.pending -= 1;
            text = text.replace("INSYNC", "PENDING");
        }
    }
    Some(answer(status, text))
}

async fn change(shared: &Shared, zone: &str, body: &str) -> Option<Response<String>> {
    let _one_at_a_time = shared.changing.lock().await;
    let before = shared.plans().before.take();
    if let Some((zone, set)) = before
        && let Err(why) = shared.moto.change(&zone, &[("UPSERT", &set)]).await
    {
        return Some(answer(500, xml::error("InternalFailure", &why)));
    }
    let mut changes = Vec::new();
    for text in xml::all(body, "Change") {
        let (Some(action), Some(set)) = (xml::one(text, "Action"), xml::set(text)) else {
            return Some(answer(
                400,
                xml::error("InvalidInput", "a change cannot be read"),
            ));
        };
        changes.push((action, set));
    }
    let judged = judge(&shared.moto, zone, &changes).await;
    let recorded = changes.iter().map(|(action, set)| RecordChange {
        action: action.clone(),
        name: set.name.clone(),
        kind: set.kind.clone(),
        ttl: set.ttl,
        values: set.values.clone(),
    });
    let batch = Batch {
        zone: zone.to_owned(),
        changes: recorded.collect(),
        taken: judged.is_ok(),
    };
    shared.plans().batches.push(batch);
    let results = match judged {
        Ok(results) => results,
        Err(Refusal::Batch(words)) => {
            // the service has two documents for it
            let mut plans = shared.plans();
            plans.own_document = !plans.own_document;
            let document = if plans.own_document {
                xml::invalid_batch(&words)
            } else {
                xml::error("InvalidChangeBatch", &words)
            };
            return Some(answer(400, document));
        }
        Err(Refusal::Moto(status, text)) => return Some(answer(status, text)),
    };
    let results: Vec<(&str, &Set)> = results.iter().map(|(a, s)| (*a, s)).collect();
    let path = format!("/2013-04-01/hostedzone/{zone}/rrset");
    let done = shared
        .moto
        .ask(Method::POST, &path, xml::batch(&results))
        .await;
    if std::mem::take(&mut shared.plans().lose_answer) {
        return None;
    }
    Some(match done {
        Ok((status, text)) => answer(status, text),
        Err(why) => answer(502, xml::error("InternalFailure", &why)),
    })
}

enum Refusal {
    Batch(String),
    Moto(u16, String),
}

/// What is left to do of a batch, or why the service would refuse it.
async fn judge(
    moto: &Moto,
    zone: &str,
    changes: &[(String, Set)],
) -> Result<Vec<(&'static str, Set)>, Refusal> {
    // a zone that is not there is refused by moto itself, in the service's words
    let path = format!("/2013-04-01/hostedzone/{zone}");
    match moto.ask(Method::GET, &path, String::new()).await {
        Ok((200, _)) => {}
        Ok((status, text)) => return Err(Refusal::Moto(status, text)),
        Err(why) => return Err(Refusal::Moto(502, xml::error("InternalFailure", &why))),
    }
    let mut touched: Vec<(Option<Set>, Option<Set>, &Set)> = Vec::new();
    for (action, set) in changes {
        let known = touched
            .iter()
            .position(|(_, _, t)| t.is(&set.name, &set.kind));
        let place = match known {
            Some(place) => place,
            None => {
                let there = moto.set(zone, &xml::plain(&set.name), &set.kind).await;
                let there = there.map_err(Refusal::Batch)?;
                touched.push((there.clone(), there, set));
                touched.len() - 1
            }
        };
        let now = &mut touched[place].1;
        let refuse = |why: String| Err(Refusal::Batch(why));
        let what = format!(
            "resource record set [name='{}', type='{}']",
            set.name, set.kind
        );
        if action != "DELETE" && set.kind == "TXT" {
            let quoted = |value: &String| xml::strings(value).is_some();
            if !set.values.iter().all(quoted) {
                return refuse(format!(
                    "InvalidCharacterString: {what} (Value should be enclosed in quotation marks)"
                ));
            }
        }
        if set.values.is_empty() {
            return refuse(format!("no values in {what}"));
        }
        let mut values = set.values.clone();
        values.sort();
        if values.windows(2).any(|pair| pair[0] == pair[1]) {
            return refuse(format!("duplicate Resource Record in {what}"));
        }
        match (action.as_str(), now.as_ref()) {
            ("CREATE", Some(_)) => {
                return refuse(format!("tried to create {what} but it already exists"));
            }
            ("CREATE" | "UPSERT", _) => *now = Some(set.clone()),
            ("DELETE", None) => {
                return refuse(format!("tried to delete {what} but it was not found"));
            }
            ("DELETE", Some(there)) => {
                let mut current = there.values.clone();
                current.sort();
                if current != values || there.ttl != set.ttl {
                    let why = "but the values provided do not match the current values";
                    return refuse(format!("tried to delete {what} {why}"));
                }
                *now = None;
            }
            _ => return refuse(format!("no action {action}")),
        }
    }
    let results = touched
        .into_iter()
        .filter_map(|(old, new, _)| match (old, new) {
            (_, Some(set)) => Some(("UPSERT", set)),
            (Some(set), None) => Some(("DELETE", set)),
            (None, None) => None,
        });
    Ok(results.collect())
}

async fn read(mut body: Incoming) -> Result<Bytes, String> {
    use hyper::body::Body as _;
    let mut bytes = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await
    {
        let frame = frame.map_err(|e| e.to_string())?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > BODY_BYTES {
                return Err("the body is too large".to_owned());
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.into())
}

fn answer(status: u16, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let kind = hyper::header::HeaderValue::from_static("text/xml");
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, kind);
    response
}
