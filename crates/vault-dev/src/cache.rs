//! Opened data keys in memory, each for a bounded time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::keyring::Keyring;
use crate::keys::DataKey;

/// How long "the newest key of this keyring" is believed: another process may have made a newer one.
const LATEST_FOR: Duration = Duration::from_secs(300);
/// How long a key is kept by its id; a key never changes.
const KEY_FOR: Duration = Duration::from_secs(24 * 3600);
/// Most entries.
const ENTRIES: usize = 10_000;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Latest,
    Id(String),
}

struct Entry {
    key: Arc<DataKey>,
    since: Instant,
}

/// Opened data keys.
#[derive(Default)]
pub(crate) struct Cache(Mutex<BTreeMap<(Keyring, Slot), Entry>>);

impl Cache {
    pub(crate) fn latest(&self, keyring: &Keyring) -> Option<Arc<DataKey>> {
        self.get(keyring, Slot::Latest, LATEST_FOR)
    }

    pub(crate) fn key(&self, keyring: &Keyring, id: &str) -> Option<Arc<DataKey>> {
        self.get(keyring, Slot::Id(id.to_owned()), KEY_FOR)
    }

    /// Keeps the newest key of a keyring, under both its names.
    pub(crate) fn keep_latest(&self, keyring: &Keyring, key: &Arc<DataKey>) {
        self.keep(keyring, Slot::Latest, key);
        self.keep_key(keyring, key);
    }

    pub(crate) fn keep_key(&self, keyring: &Keyring, key: &Arc<DataKey>) {
        self.keep(keyring, Slot::Id(key.id.clone()), key);
    }

    /// Forgets which key is the newest of this keyring, and nothing else.
    pub(crate) fn forget_latest(&self, keyring: &Keyring) {
        self.entries().remove(&(keyring.clone(), Slot::Latest));
    }

    fn get(&self, keyring: &Keyring, slot: Slot, life: Duration) -> Option<Arc<DataKey>> {
        let entries = self.entries();
        let entry = entries.get(&(keyring.clone(), slot))?;
        (entry.since.elapsed() < life).then(|| Arc::clone(&entry.key))
    }

    fn keep(&self, keyring: &Keyring, slot: Slot, key: &Arc<DataKey>) {
        let mut entries = self.entries();
        if entries.len() >= ENTRIES {
            // Rare, so a pass over all of them is fine: drop the oldest half.
            let mut ages: Vec<Instant> = entries.values().map(|entry| entry.since).collect();
            let (_, middle, _) = ages.select_nth_unstable(ENTRIES / 2);
            let middle = *middle;
            entries.retain(|_, entry| entry.since > middle);
        }
        entries.insert(
            (keyring.clone(), slot),
            Entry {
                key: Arc::clone(key),
                since: Instant::now(),
            },
        );
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<(Keyring, Slot), Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_bounded_and_forgets_one_keyring_alone() {
        let cache = Cache::default();
        let ring = |number: usize| Keyring::parse(&format!("ring-{number}")).unwrap();
        for number in 0..ENTRIES {
            cache.keep_latest(&ring(number), &Arc::new(DataKey::generate()));
        }
        assert!(cache.entries().len() <= ENTRIES);
        let (one, other) = (ring(ENTRIES - 1), ring(ENTRIES - 2));
        let key = cache.latest(&one).unwrap();
        cache.forget_latest(&one);
        assert!(cache.latest(&one).is_none());
        assert!(cache.key(&one, &key.id).is_some() && cache.latest(&other).is_some());
    }
}
