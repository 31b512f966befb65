//! One lock per keyring, held only while its keys are written; unused locks are dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::keyring::Keyring;

/// Locks by keyring.
#[derive(Default)]
pub(crate) struct Locks(StdMutex<BTreeMap<Keyring, Arc<Mutex<()>>>>);

impl Locks {
    pub(crate) async fn lock(&self, keyring: &Keyring) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A lock that only this map holds is nobody's.
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(locks.entry(keyring.clone()).or_default())
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_keyring_is_locked_alone_and_unused_locks_go() {
        let locks = Locks::default();
        let (one, other) = (
            Keyring::parse("one").unwrap(),
            Keyring::parse("other").unwrap(),
        );
        let held = locks.lock(&one).await;
        drop(locks.lock(&other).await);
        let second = locks.lock(&one);
        tokio::pin!(second);
        assert!(futures::poll!(&mut second).is_pending());
        drop(held);
        drop(second.await);
        drop(locks.lock(&other).await);
        assert_eq!(locks.0.lock().unwrap().len(), 1);
    }
}
