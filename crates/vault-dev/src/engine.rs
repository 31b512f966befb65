//! What the Vault does, without HTTP: sealing and opening texts with the keys of keyrings.
//!
//! Not here: who may call (module `server`), and changing the master key of what is stored (module `reroll`).

use std::collections::BTreeMap;
use std::sync::Arc;

use buffa::Message as _;
use messages::vault::v1::EncryptedDataEncryptionKey;
use tokio::sync::OwnedMutexGuard;
use zeroize::Zeroizing;

use crate::cache::Cache;
use crate::envelope::{self, Malformed};
use crate::keyring::Keyring;
use crate::keys::{DataKey, MasterKeys};
use crate::locks::Locks;
use crate::refusal::Refusal;
use crate::store::Store;

/// What sealing gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The form that callers keep.
    pub blob: String,
    /// The data key that sealed it.
    pub key_id: String,
}

/// A Vault without its server.
pub struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) masters: MasterKeys,
    cache: Cache,
    locks: Locks,
    most_items: usize,
}

impl Engine {
    /// A Vault over a store. `most_items` bounds bulk calls.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, masters: MasterKeys, most_items: usize) -> Self {
        Self {
            store,
            masters,
            cache: Cache::default(),
            locks: Locks::default(),
            most_items,
        }
    }

    /// Seals a text under the keyring's newest key.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn encrypt(&self, keyring: &str, text: &str) -> Result<Sealed, Refusal> {
        let keyring = Keyring::parse(keyring)?;
        let sealed = self.seal(&keyring, text).await?;
        tracing::debug!(%keyring, "sealed");
        Ok(sealed)
    }

    /// Opens a text of the keyring.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn decrypt(&self, keyring: &str, blob: &str) -> Result<Zeroizing<String>, Refusal> {
        let keyring = Keyring::parse(keyring)?;
        let text = self.open(&keyring, blob).await;
        tracing::info!(%keyring, items = 1, opened = text.is_ok(), "decrypt");
        text
    }

    /// Seals many texts, all or nothing. The caller's ids to texts in, to sealed texts out.
    ///
    /// # Errors
    /// [`Refusal`]; [`Refusal::Item`] names the first that failed.
    pub async fn encrypt_bulk(
        &self,
        keyring: &str,
        items: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Sealed>, Refusal> {
        let keyring = self.bulk(keyring, items)?;
        let mut sealed = BTreeMap::new();
        for (id, text) in items {
            sealed.insert(
                id.clone(),
                self.seal(&keyring, text).await.map_err(item(id))?,
            );
        }
        tracing::debug!(%keyring, items = items.len(), "sealed");
        Ok(sealed)
    }

    /// Opens many texts, all or nothing. The caller's ids to sealed texts in, to texts out.
    ///
    /// # Errors
    /// [`Refusal`]; [`Refusal::Item`] names the first that failed.
    pub async fn decrypt_bulk(
        &self,
        keyring: &str,
        items: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Zeroizing<String>>, Refusal> {
        let keyring = self.bulk(keyring, items)?;
        let mut opened = BTreeMap::new();
        for (id, blob) in items {
            opened.insert(
                id.clone(),
                self.open(&keyring, blob).await.map_err(item(id))?,
            );
        }
        tracing::info!(%keyring, items = items.len(), opened = true, "decrypt");
        Ok(opened)
    }

    /// Opens a text and seals it again under the newest key, looked up afresh.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn re_encrypt(&self, keyring: &str, blob: &str) -> Result<Sealed, Refusal> {
        let keyring = Keyring::parse(keyring)?;
        let text = self.open(&keyring, blob).await?;
        self.cache.forget_latest(&keyring);
        self.seal(&keyring, &text).await
    }

    /// Gives the keyring a new newest key; older ones stay for what they sealed. Returns its id.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn rotate(&self, keyring: &str) -> Result<String, Refusal> {
        let keyring = Keyring::parse(keyring)?;
        let _alone = self.lock(&keyring).await;
        let (key, object) = self.draw();
        // The key first, then the pointer: a crash between them leaves a key that nobody uses, never a pointer to none.
        self.store
            .put(&keyring.object(&key.id), object.clone())
            .await?;
        self.store.put(&keyring.latest(), object).await?;
        self.cache.keep_latest(&keyring, &key);
        tracing::info!(%keyring, "new key");
        Ok(key.id.clone())
    }

    /// Nobody else writes keys of this keyring while the guard lives.
    pub(crate) async fn lock(&self, keyring: &Keyring) -> OwnedMutexGuard<()> {
        self.locks.lock(keyring).await
    }

    /// Reads a stored key.
    pub(crate) fn unseal(&self, object: &[u8]) -> Result<DataKey, Refusal> {
        let stored = EncryptedDataEncryptionKey::decode_from_slice(object)
            .map_err(|_| Refusal::StoredKey(Malformed::Message))?;
        let sealed = &*stored.encrypted;
        envelope::check(sealed).map_err(Refusal::StoredKey)?;
        let master = self
            .masters
            .named(&sealed.encryption_key_id)
            .ok_or_else(|| Refusal::MasterKey(sealed.encryption_key_id.clone()))?;
        let bytes = envelope::open(&master.key, sealed).map_err(Refusal::StoredKey)?;
        DataKey::from_bytes(&bytes).ok_or(Refusal::StoredKey(Malformed::Message))
    }

    fn bulk(&self, keyring: &str, items: &BTreeMap<String, String>) -> Result<Keyring, Refusal> {
        let keyring = Keyring::parse(keyring)?;
        if items.len() > self.most_items {
            return Err(Refusal::TooMany {
                given: items.len(),
                most: self.most_items,
            });
        }
        Ok(keyring)
    }

    async fn seal(&self, keyring: &Keyring, text: &str) -> Result<Sealed, Refusal> {
        let key = self.latest(keyring).await?;
        let sealed = envelope::seal(&key.key, &key.id, text.as_bytes());
        Ok(Sealed {
            blob: envelope::to_blob(&sealed),
            key_id: key.id.clone(),
        })
    }

    async fn open(&self, keyring: &Keyring, blob: &str) -> Result<Zeroizing<String>, Refusal> {
        let sealed = envelope::from_blob(blob).map_err(Refusal::Blob)?;
        let key = self.key(keyring, &sealed.encryption_key_id).await?;
        let bytes = envelope::open(&key.key, &sealed).map_err(Refusal::Blob)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Refusal::Blob(Malformed::Text))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    async fn key(&self, keyring: &Keyring, id: &str) -> Result<Arc<DataKey>, Refusal> {
        if let Some(key) = self.cache.key(keyring, id) {
            return Ok(key);
        }
        let object = self
            .store
            .get(&keyring.object(id))
            .await?
            .ok_or(Refusal::NoSuchKey)?;
        let key = self.unseal(&object)?;
        if key.id != id {
            return Err(Refusal::StoredKey(Malformed::KeyId));
        }
        let key = Arc::new(key);
        self.cache.keep_key(keyring, &key);
        Ok(key)
    }

    /// The newest key of the keyring, made on first use by exactly one of those who ask at once.
    async fn latest(&self, keyring: &Keyring) -> Result<Arc<DataKey>, Refusal> {
        if let Some(key) = self.cache.latest(keyring) {
            return Ok(key);
        }
        let _alone = self.lock(keyring).await;
        if let Some(key) = self.cache.latest(keyring) {
            return Ok(key);
        }
        let key = match self.stored_latest(keyring).await? {
            Some(key) => key,
            None => self.create(keyring).await?,
        };
        self.cache.keep_latest(keyring, &key);
        Ok(key)
    }

    async fn stored_latest(&self, keyring: &Keyring) -> Result<Option<Arc<DataKey>>, Refusal> {
        let Some(object) = self.store.get(&keyring.latest()).await? else {
            return Ok(None);
        };
        let key = self.unseal(&object)?;
        // A key that is only the newest one would be lost with the next rotation, and with it all it sealed.
        if self.store.create(&keyring.object(&key.id), object).await? {
            tracing::warn!(%keyring, "the newest key had no object of its own; written");
        }
        Ok(Some(Arc::new(key)))
    }

    async fn create(&self, keyring: &Keyring) -> Result<Arc<DataKey>, Refusal> {
        let (key, object) = self.draw();
        self.store
            .put(&keyring.object(&key.id), object.clone())
            .await?;
        if self.store.create(&keyring.latest(), object).await? {
            tracing::info!(%keyring, "first key");
            return Ok(key);
        }
        // Another process was first; its key is the one. Ours stays unused.
        self.stored_latest(keyring).await?.ok_or(Refusal::NoSuchKey)
    }

    fn draw(&self) -> (Arc<DataKey>, Vec<u8>) {
        let key = DataKey::generate();
        let object = envelope::seal_key(&self.masters.current, &key);
        (Arc::new(key), object)
    }
}

fn item(id: &str) -> impl FnOnce(Refusal) -> Refusal {
    let id = id.to_owned();
    move |cause| Refusal::Item {
        id,
        cause: Box::new(cause),
    }
}
