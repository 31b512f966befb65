//! One attempt of one invocation passing through: two pumps, one a direction, with the journal position they share.
//!
//! Not for requests that are no invocations: those pass unread.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Frame as Data;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use crate::frames::{Frame, Frames};
use crate::message::{Call, Kind, Named, Run, RunResult, Seen, Start};
use crate::pipe::Sender;
use crate::proxy::Shared;
use crate::rules::Matched;

/// A reset overtakes what is still in hyper's queue, so what was sent before it gets this long to leave.
const LEAVE_WITHIN: Duration = Duration::from_millis(10);

/// What the two directions of an attempt know together.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) shared: Arc<Shared>,
    service: String,
    handler: String,
    position: Mutex<Position>,
    /// Ends both directions with a reset.
    reset: CancellationToken,
}

#[derive(Debug, Default)]
struct Position {
    invocation: String,
    key: String,
    attempt: u32,
    /// Journal index of the next command.
    next: usize,
    /// Completion id → journal index and name of the run steps so far.
    runs: BTreeMap<u32, (usize, String)>,
}

impl Attempt {
    pub(crate) fn new(shared: Arc<Shared>, service: &str, handler: &str) -> Arc<Self> {
        Arc::new(Self {
            shared,
            service: service.to_owned(),
            handler: handler.to_owned(),
            position: Mutex::default(),
            reset: CancellationToken::new(),
        })
    }

    /// Server → worker: who it is and how much of the journal is replayed.
    pub(crate) async fn to_worker(self: Arc<Self>, mut body: Incoming, to: Sender) {
        let mut frames = Frames::default();
        loop {
            let next = tokio::select! {
                () = self.reset.cancelled() => return fail(&to, "cut".into()).await,
                () = to.closed() => return,
                next = body.frame() => next,
            };
            let out = match next {
                None => return end(&to, frames.rest()).await,
                Some(Err(e)) => return fail(&to, e.into()).await,
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => {
                        frames.push(&chunk);
                        let mut out = BytesMut::new();
                        while let Some(frame) = frames.next() {
                            self.replayed(&frame);
                            out.extend_from_slice(&frame.raw);
                        }
                        Data::data(out.freeze())
                    }
                    Err(trailers) => trailers,
                },
            };
            if !forward(&to, out).await {
                return;
            }
        }
    }

    /// Worker → server: every message is seen, and held back if a rule says so.
    pub(crate) async fn to_server(self: Arc<Self>, mut body: Incoming, to: Sender) {
        let mut frames = Frames::default();
        loop {
            let next = tokio::select! {
                // the server has no use for the answer any more: the worker is to stop
                () = to.closed() => return self.reset.cancel(),
                next = body.frame() => next,
            };
            let out = match next {
                None => return end(&to, frames.rest()).await,
                Some(Err(e)) => {
                    self.reset.cancel();
                    return fail(&to, e.into()).await;
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => {
                        frames.push(&chunk);
                        let mut out = BytesMut::new();
                        while let Some(frame) = frames.next() {
                            let (seen, cut) = self.sent(&frame);
                            if let Some(matched) = cut {
                                let before = out.freeze();
                                return self.cut(matched, seen, before, &to).await;
                            }
                            out.extend_from_slice(&frame.raw);
                        }
                        Data::data(out.freeze())
                    }
                    Err(trailers) => trailers,
                },
            };
            if !forward(&to, out).await {
                return self.reset.cancel();
            }
        }
    }

    async fn cut(&self, matched: Matched, seen: Seen, before: Bytes, to: &Sender) {
        forward(to, Data::data(before)).await;
        matched.act(&seen).await;
        tokio::time::sleep(LEAVE_WITHIN).await;
        self.reset.cancel();
        fail(to, "cut".into()).await;
        // the reader of the pipe closes it when it has taken the error
        to.closed().await;
        matched.tell(seen);
    }

    fn replayed(&self, frame: &Frame) {
        let kind = Kind(frame.code);
        let mut position = self.position();
        if kind == Kind::START {
            let start = Start::decode(frame.body()).unwrap_or_default();
            position.attempt = self.shared.begin(&start.debug_id);
            position.invocation = start.debug_id;
            position.key = start.key;
        } else if kind.is_command() {
            position.command(kind, frame);
        }
    }

    /// Writes the message into the proxy's journal; with the rule that holds it back, if there is one.
    fn sent(&self, frame: &Frame) -> (Seen, Option<Matched>) {
        let kind = Kind(frame.code);
        let mut position = self.position();
        let (index, name) = if kind.is_command() {
            let (index, name) = position.command(kind, frame);
            (Some(index), name)
        } else if kind == Kind::RUN_RESULT {
            let result = RunResult::decode(frame.body()).unwrap_or_default();
            let run = position.runs.get(&result.result_completion_id).cloned();
            run.map_or((None, String::new()), |(index, name)| (Some(index), name))
        } else {
            (None, String::new())
        };
        let mut seen = Seen {
            service: self.service.clone(),
            handler: self.handler.clone(),
            key: position.key.clone(),
            invocation: position.invocation.clone(),
            attempt: position.attempt,
            index,
            kind,
            name,
            cut: false,
        };
        let matched = self.shared.rules.claim(&seen);
        seen.cut = matched.is_some();
        self.shared.note(seen.clone());
        (seen, matched)
    }

    fn position(&self) -> MutexGuard<'_, Position> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Position {
    /// Takes the next journal index for a command; gives it with the command's name.
    fn command(&mut self, kind: Kind, frame: &Frame) -> (usize, String) {
        let index = self.next;
        self.next += 1;
        let name = match kind {
            Kind::RUN => {
                let run = Run::decode(frame.body()).unwrap_or_default();
                self.runs
                    .insert(run.result_completion_id, (index, run.name.clone()));
                run.name
            }
            Kind::CALL | Kind::SEND => {
                let call = Call::decode(frame.body()).unwrap_or_default();
                format!("{}/{}", call.service, call.handler)
            }
            _ => Named::decode(frame.body()).unwrap_or_default().name,
        };
        (index, name)
    }
}

/// Whether the reader still wants more.
async fn forward(to: &Sender, data: Data<Bytes>) -> bool {
    let empty = data.data_ref().is_some_and(Bytes::is_empty);
    empty || to.send(Ok(data)).await.is_ok()
}

async fn end(to: &Sender, rest: Bytes) {
    forward(to, Data::data(rest)).await;
}

async fn fail(to: &Sender, error: crate::pipe::BoxError) {
    // nobody there to be told is as good
    let _gone = to.send(Err(error)).await;
}
