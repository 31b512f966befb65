//! A store that can be told to be down, for tests and for showing what an outage does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};

use super::{Store, StoreError};

/// Another store, with a switch.
pub struct OutageStore {
    inner: Arc<dyn Store>,
    down: AtomicBool,
}

impl OutageStore {
    /// Serves until told otherwise.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            down: AtomicBool::new(false),
        }
    }

    /// From now on every access fails (`true`) or is served again (`false`).
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn unless_down<'a, T: Send + 'a>(
        &'a self,
        serve: impl FnOnce(&'a dyn Store) -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        if self.down.load(Ordering::SeqCst) {
            let error = io::Error::new(io::ErrorKind::NotConnected, "switched off");
            return ready(Err(StoreError::Unavailable(error))).boxed();
        }
        serve(self.inner.as_ref())
    }
}

impl Store for OutageStore {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.unless_down(|store| store.get(name))
    }

    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.unless_down(|store| store.put(name, bytes))
    }

    fn create<'a>(
        &'a self,
        name: &'a str,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.unless_down(|store| store.create(name, bytes))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.unless_down(|store| store.list(prefix, after, most))
    }
}
