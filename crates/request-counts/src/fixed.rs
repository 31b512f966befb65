//! A source with numbers given by a test.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{CountError, CountFuture, CountQuery, RequestCounts};

/// Answers what a test told it, 0 for any other deployment.
#[derive(Debug, Default)]
pub struct Fixed {
    counts: Mutex<BTreeMap<String, u64>>,
    failing: AtomicBool,
}

impl Fixed {
    /// Numbers by deployment id.
    pub fn new<'a>(counts: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let fixed = Self::default();
        for (deployment_id, count) in counts {
            fixed.set(deployment_id, count);
        }
        fixed
    }

    /// Changes one number.
    pub fn set(&self, deployment_id: &str, count: u64) {
        self.lock().insert(deployment_id.to_owned(), count);
    }

    /// From now on every call fails as a source does that is down, until called with `false`.
    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        self.counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl RequestCounts for Fixed {
    fn count<'a>(&'a self, query: CountQuery<'a>) -> CountFuture<'a> {
        let answer = match self.failing.load(Ordering::SeqCst) {
            true => Err(CountError::Unavailable("told to fail".into())),
            false => Ok(self.lock().get(query.deployment_id).copied().unwrap_or(0)),
        };
        Box::pin(std::future::ready(answer))
    }
}
