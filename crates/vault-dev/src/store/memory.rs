//! Objects in memory, gone with the process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};

use super::{Store, StoreError, check_name};

/// Objects in memory.
#[derive(Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryStore {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        // Every change is one insert, so a thread that panicked left nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        ready(check_name(name).map(|()| self.objects().get(name).cloned())).boxed()
    }

    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>> {
        ready(check_name(name).map(|()| drop(self.objects().insert(name.to_owned(), bytes))))
            .boxed()
    }

    fn create<'a>(
        &'a self,
        name: &'a str,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let create = || {
            let mut objects = self.objects();
            let free = !objects.contains_key(name);
            if free {
                objects.insert(name.to_owned(), bytes);
            }
            free
        };
        ready(check_name(name).map(|()| create())).boxed()
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let from = if after < prefix {
            Bound::Included(prefix)
        } else {
            Bound::Excluded(after)
        };
        let names = self
            .objects()
            .range::<str, _>((from, Bound::Unbounded))
            .map(|(name, _)| name)
            .take_while(|name| !prefix.is_empty() && name.starts_with(prefix))
            .take(most)
            .cloned()
            .collect();
        ready(Ok(names)).boxed()
    }
}
