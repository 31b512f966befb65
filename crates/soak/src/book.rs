//! What a run has done so far: the rows behind the plan's names, what was sent, outcomes, history.
//!
//! Locked for moments. Not for invariants: see `observe`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::plan::{Fault, Kind, Name};

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The worker did it, or accepted it.
    Done,
    /// The worker said no.
    Refused(String),
    /// Nobody knows: what it needed was down, or there was nothing to do it to.
    Lost(String),
}

/// Operations of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Begun.
    pub issued: usize,
    /// Done or accepted by the worker.
    pub done: usize,
    /// Refused by the worker.
    pub refused: usize,
    /// Without an answer, or without a target.
    pub lost: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    /// Deployment ids by name.
    pub(crate) rows: BTreeMap<Name, String>,
    /// Invocation ids by operation number.
    pub(crate) sent: BTreeMap<usize, String>,
    /// Deployments that somebody woke; they run until somebody stops them.
    pub(crate) woken: BTreeSet<String>,
    /// Deployments that went to standby because an operation said so.
    pub(crate) put_to_standby: BTreeSet<String>,
    pub(crate) operations: BTreeMap<Kind, Tally>,
    pub(crate) faults: BTreeMap<Fault, usize>,
    history: Vec<String>,
}

/// Shared by all tasks of a run.
#[derive(Debug)]
pub(crate) struct Book {
    inner: Mutex<Inner>,
    pub(crate) began: Instant,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::default(),
            began: Instant::now(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a line; gives its number for [`Self::end`].
    pub(crate) fn begin(&self, line: String) -> usize {
        let at = self.began.elapsed().as_secs_f64();
        let mut inner = self.lock();
        inner.history.push(format!("{at:8.3}  {line}"));
        inner.history.len() - 1
    }

    /// Adds to a line how it ended.
    pub(crate) fn end(&self, line: usize, how: &str) {
        let at = self.began.elapsed().as_secs_f64();
        let mut inner = self.lock();
        if let Some(line) = inner.history.get_mut(line) {
            line.push_str(&format!("  -> {at:.3} {how}"));
        }
    }

    /// The last lines.
    pub(crate) fn last(&self, count: usize) -> Vec<String> {
        let inner = self.lock();
        inner.history[inner.history.len().saturating_sub(count)..].to_vec()
    }

    /// Every line that names one of these.
    pub(crate) fn about(&self, words: &[&str]) -> Vec<String> {
        let inner = self.lock();
        let hit = |line: &&String| words.iter().any(|w| line.contains(w));
        inner.history.iter().filter(hit).cloned().collect()
    }

    pub(crate) fn row(&self, name: &Name) -> Option<String> {
        self.lock().rows.get(name).cloned()
    }
}
