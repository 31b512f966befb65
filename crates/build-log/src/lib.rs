//! Steps and log lines of builds, to ClickHouse: in order, in batches, nothing lost in silence.
//!
//! Whoever builds hands over rows and never waits. What the store does not take in time is dropped and counted
//! (`ctrl_worker_build_log_dropped_total`), for a builder that waited for its log would build slower than its log is read.
//!
//! Not here: where the rows come from (crate `builder`), and how the store is asked (crate `analytics`).

mod buffer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use analytics::{Analytics, AnalyticsError};
use tokio::task::JoinHandle;

pub use analytics::{BuildLogRow as LogRow, BuildStepRow as StepRow};
use buffer::{Buffer, Kind, Rows};

/// How much is held, and when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So many rows are written at once…
    pub batch: usize,
    /// …or what there is after this time.
    pub every: Duration,
    /// Most rows of one write, when the store is slower than the builds.
    pub most: usize,
    /// Most rows of a kind held, those being written included; what comes on top is dropped.
    pub rows: usize,
    /// Most bytes of a kind held.
    pub bytes: usize,
    /// How often a write is tried.
    pub tries: u32,
    /// Pause before the second try; it doubles with each.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch: 1_000,
            every: Duration::from_secs(2),
            most: 10_000,
            rows: 100_000,
            bytes: 32 * 1024 * 1024,
            tries: 5,
            pause: Duration::from_secs(1),
        }
    }
}

/// The log of all builds of a process. Clones are the same log.
#[derive(Debug, Clone)]
pub struct BuildLog(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    steps: Arc<Buffer<StepRow>>,
    lines: Arc<Buffer<LogRow>>,
    writers: Mutex<Vec<JoinHandle<()>>>,
}

impl BuildLog {
    /// Writes to this store, from tasks on the runtime it is called on, until [`BuildLog::close`].
    #[must_use]
    pub fn start(store: Analytics, limits: Limits) -> Self {
        let store = Arc::new(store);
        let steps = Arc::new(Buffer::new(Kind::Step, limits));
        let lines = Arc::new(Buffer::new(Kind::Line, limits));
        let writers = vec![
            tokio::spawn(Arc::clone(&steps).drain(Arc::clone(&store))),
            tokio::spawn(Arc::clone(&lines).drain(store)),
        ];
        Self(Some(Arc::new(Inner {
            steps,
            lines,
            writers: Mutex::new(writers),
        })))
    }

    /// Takes rows and forgets them, for an installation without ClickHouse; that is no loss and not counted.
    #[must_use]
    pub fn nowhere() -> Self {
        Self(None)
    }

    /// Takes a step that has ended. Never waits.
    pub fn step(&self, row: StepRow) {
        if let Some(inner) = &self.0 {
            inner.steps.push(row);
        }
    }

    /// Takes what a step wrote. Lines of one caller are written in the order in which they came. Never waits.
    pub fn line(&self, row: LogRow) {
        if let Some(inner) = &self.0 {
            inner.lines.push(row);
        }
    }

    /// Steps and lines that were dropped so far, for whatever reason.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let both = |inner: &Arc<Inner>| inner.steps.dropped() + inner.lines.dropped();
        self.0.as_ref().map_or(0, both)
    }

    /// Writes what is held and takes no more, for at most `timeout`; what is left then is dropped and counted. To be called
    /// when nothing builds any more. A second call does nothing.
    pub async fn close(&self, timeout: Duration) {
        let Some(inner) = &self.0 else { return };
        inner.steps.close();
        inner.lines.close();
        let writers = {
            let mut writers = inner.writers.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *writers)
        };
        let aborts: Vec<_> = writers.iter().map(JoinHandle::abort_handle).collect();
        let all = async {
            for writer in writers {
                // a writer does not panic; if it did, what it left is counted below
                let _ended = writer.await;
            }
        };
        if tokio::time::timeout(timeout, all).await.is_err() {
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
        }
        inner.steps.give_up();
        inner.lines.give_up();
    }
}

impl Rows for StepRow {
    fn size(&self) -> usize {
        let owner = self.workspace_id.len() + self.project_id.len() + self.deployment_id.len();
        size_of::<Self>() + owner + self.step_id.len() + self.name.len() + self.error.len()
    }

    async fn write(store: &Analytics, rows: &[Self], token: &str) -> Result<(), AnalyticsError> {
        store.write_build_steps(rows, token).await
    }
}

impl Rows for LogRow {
    fn size(&self) -> usize {
        let owner = self.workspace_id.len() + self.project_id.len() + self.deployment_id.len();
        size_of::<Self>() + owner + self.step_id.len() + self.message.len()
    }

    async fn write(store: &Analytics, rows: &[Self], token: &str) -> Result<(), AnalyticsError> {
        store.write_build_lines(rows, token).await
    }
}
