//! Master keys (from configuration) and data keys (one set per keyring): reading, drawing, never showing.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use aes_gcm::aead::OsRng;
use aes_gcm::aead::rand_core::RngCore;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use buffa::Message as _;
use messages::vault::v1::{DataEncryptionKey, KeyEncryptionKey};
use rand::Rng as _;
use rand::distr::Alphanumeric;
use zeroize::{Zeroize as _, Zeroizing};

use crate::keyring::is_key_id;

/// Characters of the random part of an id.
const ID_CHARS: usize = 9;

/// The 32 bytes of an AES-256 key.
#[derive(Clone)]
pub(crate) struct KeyBytes(Zeroizing<[u8; 32]>);

impl KeyBytes {
    fn random() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(bytes.as_mut());
        Self(bytes)
    }

    fn from_slice(bytes: &[u8]) -> Option<Self> {
        <[u8; 32]>::try_from(bytes)
            .ok()
            .map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A master key: seals data keys where they are stored.
#[derive(Clone)]
pub struct MasterKey {
    pub(crate) id: String,
    created_at: i64,
    pub(crate) key: KeyBytes,
}

/// Why a configured master key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMasterKey {
    /// Not standard base64.
    #[error("is not base64")]
    Base64,
    /// Not a serialised `KeyEncryptionKey`.
    #[error("is not a serialised key")]
    Message,
    /// No id, or one that no object can carry.
    #[error("has no usable id")]
    Id,
    /// Not 32 bytes of key.
    #[error("does not hold 32 bytes of key")]
    Length,
    /// Current and previous key have the same id, so one would hide the other.
    #[error("has the same id as the other one")]
    SameId,
}

impl MasterKey {
    /// Draws a new one.
    #[must_use]
    pub fn generate() -> Self {
        Self {
            id: new_id("kek"),
            created_at: now_ms(),
            key: KeyBytes::random(),
        }
    }

    /// Reads the form of the configuration.
    ///
    /// # Errors
    /// [`BadMasterKey`], which repeats nothing of the text.
    pub fn parse(text: &str) -> Result<Self, BadMasterKey> {
        let bytes = STANDARD
            .decode(text.trim())
            .map(Zeroizing::new)
            .map_err(|_| BadMasterKey::Base64)?;
        let mut message =
            KeyEncryptionKey::decode_from_slice(&bytes).map_err(|_| BadMasterKey::Message)?;
        let key = KeyBytes::from_slice(&message.key);
        message.key.zeroize();
        if !is_key_id(&message.id) {
            return Err(BadMasterKey::Id);
        }
        Ok(Self {
            id: message.id,
            created_at: message.created_at,
            key: key.ok_or(BadMasterKey::Length)?,
        })
    }

    /// The form of the configuration. It *is* the secret.
    #[must_use]
    pub fn to_config(&self) -> Zeroizing<String> {
        let mut message = KeyEncryptionKey {
            id: self.id.clone(),
            created_at: self.created_at,
            key: self.key.bytes().to_vec(),
        };
        let bytes = Zeroizing::new(message.encode_to_vec());
        message.key.zeroize();
        Zeroizing::new(STANDARD.encode(&*bytes))
    }

    /// Its name, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The master keys a Vault works with.
#[derive(Debug, Clone)]
pub struct MasterKeys {
    pub(crate) current: MasterKey,
    previous: Option<MasterKey>,
}

impl MasterKeys {
    /// The current key seals and opens, the previous one only opens.
    ///
    /// # Errors
    /// [`BadMasterKey::SameId`].
    pub fn new(current: MasterKey, previous: Option<MasterKey>) -> Result<Self, BadMasterKey> {
        if previous
            .as_ref()
            .is_some_and(|previous| previous.id == current.id)
        {
            return Err(BadMasterKey::SameId);
        }
        Ok(Self { current, previous })
    }

    /// One key alone.
    pub(crate) fn of(current: MasterKey) -> Self {
        Self {
            current,
            previous: None,
        }
    }

    pub(crate) fn named(&self, id: &str) -> Option<&MasterKey> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| key.id == id)
    }
}

/// A data key of a keyring.
pub(crate) struct DataKey {
    pub(crate) id: String,
    pub(crate) created_at: i64,
    pub(crate) key: KeyBytes,
}

impl DataKey {
    pub(crate) fn generate() -> Self {
        Self {
            id: new_id("dek"),
            created_at: now_ms(),
            key: KeyBytes::random(),
        }
    }

    /// Reads a serialised `DataEncryptionKey`; `None` when it is none or its key is not 32 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut message = DataEncryptionKey::decode_from_slice(bytes).ok()?;
        let key = KeyBytes::from_slice(&message.key);
        message.key.zeroize();
        (is_key_id(&message.id)).then_some(())?;
        Some(Self {
            id: message.id,
            created_at: message.created_at,
            key: key?,
        })
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut message = DataEncryptionKey {
            id: self.id.clone(),
            created_at: self.created_at,
            key: self.key.bytes().to_vec(),
        };
        let bytes = Zeroizing::new(message.encode_to_vec());
        message.key.zeroize();
        bytes
    }
}

fn new_id(prefix: &str) -> String {
    let random: String = rand::rng()
        .sample_iter(Alphanumeric)
        .take(ID_CHARS)
        .map(char::from)
        .collect();
    format!("{prefix}_{random}")
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_master_key_survives_its_written_form_and_is_not_shown() {
        let key = MasterKey::generate();
        let again = MasterKey::parse(&key.to_config()).unwrap();
        assert_eq!((again.id(), again.key.bytes()), (key.id(), key.key.bytes()));
        assert_eq!(
            format!("{key:?}"),
            format!("MasterKey {{ id: {:?}, .. }}", key.id)
        );
        assert_eq!(key.id.len(), "kek_".len() + ID_CHARS);
    }

    #[test]
    fn a_master_key_is_checked_when_it_is_read() {
        let written = |id: &str, length: usize| {
            let message = KeyEncryptionKey {
                id: id.into(),
                created_at: 1,
                key: vec![7; length],
            };
            MasterKey::parse(&STANDARD.encode(message.encode_to_vec())).err()
        };
        assert_eq!(written("kek_1", 32), None);
        for length in [0, 16, 31, 33, 64] {
            assert_eq!(written("kek_1", length), Some(BadMasterKey::Length));
        }
        assert_eq!(written("", 32), Some(BadMasterKey::Id));
        assert_eq!(MasterKey::parse("%%").err(), Some(BadMasterKey::Base64));
        assert_eq!(
            MasterKey::parse("/////w==").err(),
            Some(BadMasterKey::Message)
        );
        let key = MasterKey::generate();
        assert_eq!(
            MasterKeys::new(key.clone(), Some(key)).err(),
            Some(BadMasterKey::SameId)
        );
    }
}
