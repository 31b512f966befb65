//! One at a time for each name, within this process and before a connection is taken: whoever waits for a row lock holds
//! a connection, and a burst on one row would leave none for the others.
//!
//! Never the only guard: other replicas do not see it. The row lock stays.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;

type Lock = tokio::sync::Mutex<()>;

/// Names in use, in the order in which they asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    locks: Arc<Mutex<HashMap<String, Weak<Lock>>>>,
}

/// Gives the turn to the next one when dropped.
#[derive(Debug)]
#[must_use = "the turn ends when this is dropped"]
pub struct Turn {
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for its turn; first come, first served.
    pub(crate) async fn wait(&self, name: &str) -> Turn {
        let lock = self.lock(name);
        Turn {
            _guard: lock.lock_owned().await,
        }
    }

    fn lock(&self, name: &str) -> Arc<Lock> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(name).and_then(Weak::upgrade) {
            return lock;
        }
        // Nobody uses it, so others may be unused as well; each look costs no more than those that came since.
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(Lock::default());
        locks.insert(name.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn one_at_a_time_for_a_name_and_none_left_behind() {
        let turns = Turns::default();
        let inside = Arc::new(AtomicUsize::new(0));
        let other = turns.wait("other").await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (turns, inside) = (turns.clone(), inside.clone());
            tasks.spawn(async move {
                let _turn = turns.wait("ws").await;
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("nobody met another one");
        }
        drop(other);
        let _last = turns.wait("last").await;
        let locks = turns.locks.lock().expect("not poisoned");
        assert_eq!(locks.keys().collect::<Vec<_>>(), ["last"]);
    }
}
