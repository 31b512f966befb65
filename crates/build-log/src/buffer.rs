//! Rows of one kind that wait for being written, and the writer that takes them.
//!
//! Not for what a row is: `lib`.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use analytics::{Analytics, AnalyticsError, Class};
use tokio::sync::Notify;

use crate::Limits;

/// Rows that were not written, by kind (`step`, `line`) and reason (`full`, `refused`, `unavailable`, `closed`).
const DROPPED: &str = "ctrl_worker_build_log_dropped_total";
/// Rows that were written, by kind.
const WRITTEN: &str = "ctrl_worker_build_log_written_total";

/// Rows of a table.
pub(crate) trait Rows: Sized + Send + Sync + 'static {
    /// About the memory it takes, bytes.
    fn size(&self) -> usize;

    /// One write; see [`Analytics::write_build_steps`].
    fn write(
        store: &Analytics,
        rows: &[Self],
        token: &str,
    ) -> impl Future<Output = Result<(), AnalyticsError>> + Send;
}

/// For metrics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Step,
    Line,
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Line => "line",
        }
    }
}

#[derive(Debug)]
struct Held<T> {
    waiting: VecDeque<T>,
    /// Those being written included.
    rows: usize,
    bytes: usize,
    closed: bool,
    /// It was said that rows are being dropped, and since then none was written.
    said: bool,
}

#[derive(Debug)]
pub(crate) struct Buffer<T> {
    kind: Kind,
    limits: Limits,
    held: Mutex<Held<T>>,
    /// There is a whole batch, or no more will come.
    ready: Notify,
    dropped: AtomicU64,
}

/// What a writer took.
struct Batch<T> {
    rows: Vec<T>,
    bytes: usize,
}

impl<T: Rows> Buffer<T> {
    pub(crate) fn new(kind: Kind, limits: Limits) -> Self {
        let held = Held {
            waiting: VecDeque::new(),
            rows: 0,
            bytes: 0,
            closed: false,
            said: false,
        };
        Self {
            kind,
            limits,
            held: Mutex::new(held),
            ready: Notify::new(),
            dropped: AtomicU64::new(0),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, row: T) {
        let size = row.size();
        let mut held = self.held();
        if held.closed {
            drop(held);
            return self.drop_rows(1, "closed", "no more is taken at the end of the process");
        }
        if held.rows >= self.limits.rows || held.bytes + size > self.limits.bytes {
            drop(held);
            return self.drop_rows(1, "full", "they come faster than they are written");
        }
        held.waiting.push_back(row);
        held.rows += 1;
        held.bytes += size;
        if held.waiting.len() >= self.limits.batch {
            self.ready.notify_one();
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn close(&self) {
        self.held().closed = true;
        self.ready.notify_one();
    }

    /// Counts what nobody writes any more.
    pub(crate) fn give_up(&self) {
        let left = {
            let mut held = self.held();
            held.waiting.clear();
            held.bytes = 0;
            std::mem::take(&mut held.rows)
        };
        if left > 0 {
            self.drop_rows(left, "closed", "the process ends");
        }
    }

    /// Writes until it is closed and empty.
    pub(crate) async fn drain(self: Arc<Self>, store: Arc<Analytics>) {
        loop {
            let _late = tokio::time::timeout(self.limits.every, self.ready.notified()).await;
            while let Some(batch) = self.take() {
                self.write(&store, &batch.rows).await;
                let mut held = self.held();
                held.rows = held.rows.saturating_sub(batch.rows.len());
                held.bytes = held.bytes.saturating_sub(batch.bytes);
                // what came during the write may be a batch already
                if !held.closed && held.waiting.len() < self.limits.batch {
                    break;
                }
            }
            let held = self.held();
            if held.closed && held.waiting.is_empty() {
                return;
            }
        }
    }

    fn take(&self) -> Option<Batch<T>> {
        let mut held = self.held();
        let count = held.waiting.len().min(self.limits.most);
        let rows: Vec<T> = held.waiting.drain(..count).collect();
        let bytes = rows.iter().map(Rows::size).sum();
        (count > 0).then_some(Batch { rows, bytes })
    }

    /// Writes a batch, or drops it when that does not help.
    async fn write(&self, store: &Analytics, rows: &[T]) {
        // the same for every try: one whose answer was lost is not written twice
        let token = uuid::Uuid::new_v4().to_string();
        let mut pause = self.limits.pause;
        let mut tries = 1;
        loop {
            let error = match T::write(store, rows, &token).await {
                Ok(()) => return self.written(rows.len()),
                Err(error) => error,
            };
            let passing = matches!(error.class(), Class::Unavailable | Class::RateLimited);
            if !passing {
                return self.drop_rows(rows.len(), "refused", &error.to_string());
            }
            if tries >= self.limits.tries {
                return self.drop_rows(rows.len(), "unavailable", &error.to_string());
            }
            tracing::debug!(kind = self.kind.label(), %error, tries, "build log not written yet");
            tries += 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    fn written(&self, rows: usize) {
        metrics::counter!(WRITTEN, "kind" => self.kind.label()).increment(rows as u64);
        if std::mem::take(&mut self.held().said) {
            let dropped = self.dropped();
            tracing::info!(
                kind = self.kind.label(),
                dropped,
                "rows of build logs are written again"
            );
        }
    }

    fn drop_rows(&self, rows: usize, reason: &'static str, why: &str) {
        let rows = rows as u64;
        let labels = [("kind", self.kind.label()), ("reason", reason)];
        metrics::counter!(DROPPED, &labels).increment(rows);
        self.dropped.fetch_add(rows, Ordering::Relaxed);
        // once, until something is written again: there may be thousands of them
        if !std::mem::replace(&mut self.held().said, true) {
            let kind = self.kind.label();
            tracing::warn!(kind, reason, why, "rows of build logs are dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::LogRow;

    fn line(message: &str) -> LogRow {
        LogRow {
            message: message.to_owned(),
            ..LogRow::default()
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_and_the_oldest_stay_in_order() {
        let limits = Limits {
            rows: 3,
            most: 2,
            ..Limits::default()
        };
        let buffer = Buffer::new(Kind::Line, limits);
        for message in ["a", "b", "c", "d"] {
            buffer.push(line(message));
        }
        assert_eq!(buffer.dropped(), 1);
        let messages = |batch: Batch<LogRow>| -> Vec<String> {
            batch.rows.into_iter().map(|row| row.message).collect()
        };
        assert_eq!(messages(buffer.take().expect("two")), ["a", "b"]);
        assert_eq!(messages(buffer.take().expect("one")), ["c"]);
        assert!(buffer.take().is_none());
        buffer.close();
        buffer.push(line("e"));
        assert_eq!(buffer.dropped(), 2);
        // nobody said that what was taken is written
        buffer.give_up();
        assert_eq!(buffer.dropped(), 5);
    }

    #[test]
    fn long_lines_are_bounded_by_their_bytes() {
        let limits = Limits {
            bytes: 3_000,
            ..Limits::default()
        };
        let buffer = Buffer::new(Kind::Line, limits);
        for _ in 0..10 {
            buffer.push(line(&"x".repeat(1_000)));
        }
        assert_eq!(buffer.dropped(), 8);
    }

    #[test]
    fn the_defaults_are_those_of_the_installation_before() {
        let limits = Limits::default();
        assert_eq!((limits.batch, limits.tries), (1_000, 5));
        assert_eq!(limits.every, Duration::from_secs(2));
        assert_eq!(limits.pause, Duration::from_secs(1));
    }
}
