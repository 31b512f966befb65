//! From BuildKit's stream of status messages to steps and logs.

use std::collections::BTreeMap;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex};

use crate::{Event, LogLine, Sink, Step};

/// Longest piece of a log, bytes.
const PIECE: usize = 32 << 10;
/// What a step that the builder never ended is told to have failed of.
const UNFINISHED: &str = "the build ended before this step did";

/// What is known of a build, over all of its solves.
pub(crate) struct Progress<'a> {
    sink: &'a dyn Sink,
    steps: BTreeMap<String, Known>,
}

/// What is known of a step.
#[derive(Default)]
struct Known {
    name: String,
    started: Option<i64>,
    completed: Option<i64>,
    cached: bool,
    error: String,
    has_logs: bool,
    told: bool,
    /// Time of the last thing heard of it.
    last: i64,
    /// By stream: bytes that begin a character whose end has not come.
    open: BTreeMap<i64, Vec<u8>>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(sink: &'a dyn Sink) -> Self {
        Self {
            sink,
            steps: BTreeMap::new(),
        }
    }

    /// Takes a message.
    ///
    /// A step that has ended is told at once if it wrote something or came from the cache. Of another one logs may still
    /// come, and its row says whether there are any: it waits for [`Progress::settle`].
    pub(crate) fn feed(&mut self, message: StatusResponse) {
        for log in &message.logs {
            let step = self.steps.entry(log.vertex.clone()).or_default();
            step.has_logs |= !log.msg.is_empty();
        }
        for vertex in message.vertexes {
            let id = vertex.digest.clone();
            let step = self.steps.entry(id.clone()).or_default();
            step.hear(vertex);
            if step.completed.is_some() && (step.has_logs || step.cached) {
                step.tell(id, self.sink);
            }
        }
        for log in message.logs {
            let step = self.steps.entry(log.vertex.clone()).or_default();
            let time = log.timestamp.as_ref().map_or(step.last, millis);
            step.last = step.last.max(time);
            let open = step.open.entry(log.stream).or_default();
            open.extend_from_slice(&log.msg);
            let text = take_text(open);
            write(self.sink, &log.vertex, time, &text);
        }
        // a step whose end came before its first log
        for (id, step) in &mut self.steps {
            if step.completed.is_some() && step.has_logs {
                step.tell(id.clone(), self.sink);
            }
        }
    }

    /// Nothing more comes of this solve: what is left is told.
    pub(crate) fn settle(&mut self) {
        let mut left: Vec<(&String, &mut Known)> = self.steps.iter_mut().collect();
        left.sort_by_key(|(_, step)| step.started);
        for (id, step) in left {
            for open in std::mem::take(&mut step.open).into_values() {
                if !open.is_empty() {
                    let text = String::from_utf8_lossy(&open);
                    write(self.sink, id, step.last, &text);
                }
            }
            if step.started.is_some() && step.completed.is_none() {
                step.completed = Some(step.last);
                if step.error.is_empty() {
                    step.error = UNFINISHED.to_owned();
                }
            }
            if step.completed.is_some() {
                step.tell(id.clone(), self.sink);
            }
        }
    }
}

impl Known {
    /// A message holds all of a step as it is now; one that goes on after its end has none.
    fn hear(&mut self, vertex: Vertex) {
        if self.told {
            return;
        }
        let started = vertex.started.as_ref().map(millis);
        self.started = match (self.started, started) {
            (Some(before), Some(now)) => Some(before.min(now)),
            (before, now) => before.or(now),
        };
        self.completed = vertex.completed.as_ref().map(millis);
        self.last = self.last.max(started.max(self.completed).unwrap_or(0));
        self.name = vertex.name;
        self.cached = vertex.cached;
        self.error = vertex.error;
    }

    fn tell(&mut self, id: String, sink: &dyn Sink) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let completed_at = self.completed.unwrap_or(self.last);
        sink.emit(Event::Step(Step {
            id,
            name: self.name.clone(),
            started_at: self.started.unwrap_or(completed_at),
            completed_at,
            cached: self.cached,
            error: self.error.clone(),
            has_logs: self.has_logs,
        }));
    }
}

fn millis(time: &Timestamp) -> i64 {
    let seconds = time.seconds.saturating_mul(1_000);
    seconds.saturating_add(i64::from(time.nanos) / 1_000_000)
}

/// Takes all whole characters; what is none becomes a replacement character, what may still become one stays.
fn take_text(bytes: &mut Vec<u8>) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    loop {
        match std::str::from_utf8(rest) {
            Ok(good) => {
                text.push_str(good);
                rest = &[];
                break;
            }
            Err(error) => {
                let (good, bad) = rest.split_at(error.valid_up_to());
                text.push_str(&String::from_utf8_lossy(good));
                rest = bad;
                let Some(length) = error.error_len() else {
                    break;
                };
                text.push(char::REPLACEMENT_CHARACTER);
                rest = &rest[length..];
            }
        }
    }
    let kept = rest.len();
    bytes.drain(..bytes.len() - kept);
    text
}

fn write(sink: &dyn Sink, step_id: &str, time: i64, mut text: &str) {
    while !text.is_empty() {
        let mut end = text.len().min(PIECE);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, rest) = text.split_at(end);
        sink.emit(Event::Log(LogLine {
            step_id: step_id.to_owned(),
            time,
            message: piece.to_owned(),
        }));
        text = rest;
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
