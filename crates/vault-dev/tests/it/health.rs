//! Health, and stopping.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::sync::Semaphore;
use vault_dev::{MasterKey, MemoryStore, OutageStore, Store, StoreError};

use crate::rig::Rig;

#[tokio::test]
async fn ready_follows_the_storage_and_the_rest_does_not() {
    let store = Arc::new(OutageStore::new(Arc::new(MemoryStore::default())));
    let rig = Rig::over(store.clone(), &MasterKey::generate(), None).await;
    for check in ["live", "ready", "startup"] {
        let raw = rig.get(&format!("/health/{check}")).await;
        assert_eq!(
            (raw.status, raw.json()),
            (200, json!({ "status": "ok" })),
            "{check}"
        );
    }
    store.set_down(true);
    let raw = rig.get("/health/ready").await;
    assert_eq!(
        (raw.status, raw.json()),
        (503, json!({ "status": "storage unavailable" }))
    );
    for check in ["live", "startup"] {
        assert_eq!(rig.get(&format!("/health/{check}")).await.status, 200);
    }
    store.set_down(false);
    assert_eq!(rig.get("/health/ready").await.status, 200);
    assert_eq!(rig.get("/health/other").await.status, 404);
}

/// A store whose reads wait for a permit.
struct SlowStore {
    inner: MemoryStore,
    reads: Semaphore,
    waiting: AtomicUsize,
}

impl SlowStore {
    fn new() -> Self {
        Self {
            inner: MemoryStore::default(),
            reads: Semaphore::new(0),
            waiting: AtomicUsize::new(0),
        }
    }
}

impl Store for SlowStore {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let _permit = self.reads.acquire().await.unwrap();
            self.inner.get(name).await
        }
        .boxed()
    }

    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.put(name, bytes)
    }

    fn create<'a>(
        &'a self,
        name: &'a str,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.inner.create(name, bytes)
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.inner.list(prefix, after, most)
    }
}

#[tokio::test]
async fn a_storage_that_hangs_is_not_ready_within_half_a_second() {
    let store = Arc::new(SlowStore::new());
    let rig = Rig::over(store, &MasterKey::generate(), None).await;
    let begun = Instant::now();
    assert_eq!(rig.get("/health/ready").await.status, 503);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_call_under_way_is_answered_before_the_server_ends() {
    let store = Arc::new(SlowStore::new());
    let rig = Rig::over(store.clone(), &MasterKey::generate(), None).await;
    let url = rig.server.url();
    let vault = rig.vault.clone();
    let call = tokio::spawn(async move { vault.encrypt("ring", "text").await });
    eventually(|| async { store.waiting.load(Ordering::SeqCst) > 0 }).await;
    let stopping = tokio::spawn(rig.server.stop());
    eventually(|| async { reqwest::get(format!("{url}/health/live")).await.is_err() }).await;
    assert!(!stopping.is_finished(), "it waits for the call");
    store.reads.add_permits(10);
    assert!(call.await.unwrap().is_ok());
    tokio::time::timeout(Duration::from_secs(5), stopping)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let rig = Rig::in_memory().await;
    let vault = rig.vault.clone();
    let address = rig.server.address();
    vault.ping().await.unwrap();
    drop(rig);
    eventually(|| async { tokio::net::TcpListener::bind(address).await.is_ok() }).await;
}

async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let begun = Instant::now();
    while !holds().await {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it never came to that"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
