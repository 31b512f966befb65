//! Sealing and opening with AES-256-GCM: random nonce, tag appended, no associated data; and the base64 form that
//! callers keep.
//!
//! Not for finding keys: both directions are given the key.

use aes_gcm::aead::rand_core::RngCore as _;
use aes_gcm::aead::{Aead as _, KeyInit as _, OsRng};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use buffa::{EnumValue, Message as _};
use messages::vault::v1::{Algorithm, Encrypted, EncryptedDataEncryptionKey};
use zeroize::Zeroizing;

use crate::keyring::is_key_id;
use crate::keys::{DataKey, KeyBytes, MasterKey, now_ms};

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Why something sealed cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not standard base64.
    #[error("is not base64")]
    Base64,
    /// Not a serialised `Encrypted`.
    #[error("is not a sealed message")]
    Message,
    /// An algorithm nobody knows here.
    #[error("names an unknown algorithm")]
    Algorithm,
    /// Not 12 bytes of nonce.
    #[error("has a nonce that is not 12 bytes")]
    Nonce,
    /// Not even a tag.
    #[error("is shorter than its authentication tag")]
    Short,
    /// No id of a key, or one that cannot be one.
    #[error("names no usable key")]
    KeyId,
    /// The tag does not match: changed, or sealed with another key of this id.
    #[error("was changed or sealed with another key")]
    Tampered,
    /// What was sealed is not UTF-8.
    #[error("does not hold text")]
    Text,
}

/// Seals with a fresh nonce.
pub(crate) fn seal(key: &KeyBytes, key_id: &str, plaintext: &[u8]) -> Encrypted {
    let mut nonce = [0; NONCE_BYTES];
    OsRng.fill_bytes(&mut nonce);
    seal_with(key, key_id, plaintext, nonce, now_ms())
}

fn seal_with(
    key: &KeyBytes,
    key_id: &str,
    plaintext: &[u8],
    nonce: [u8; NONCE_BYTES],
    time: i64,
) -> Encrypted {
    let ciphertext = cipher(key)
        .encrypt(&Nonce::from(nonce), plaintext)
        .expect("AES-GCM seals anything below 64 GiB, and requests are far smaller");
    Encrypted {
        algorithm: EnumValue::Known(Algorithm::AES_256_GCM),
        nonce: nonce.to_vec(),
        ciphertext,
        encryption_key_id: key_id.to_owned(),
        time,
    }
}

/// Checks the shape, before any key is looked for.
pub(crate) fn check(sealed: &Encrypted) -> Result<(), Malformed> {
    if sealed.algorithm != EnumValue::Known(Algorithm::AES_256_GCM) {
        return Err(Malformed::Algorithm);
    }
    if sealed.nonce.len() != NONCE_BYTES {
        return Err(Malformed::Nonce);
    }
    if sealed.ciphertext.len() < TAG_BYTES {
        return Err(Malformed::Short);
    }
    if !is_key_id(&sealed.encryption_key_id) {
        return Err(Malformed::KeyId);
    }
    Ok(())
}

/// Opens what passes [`check`].
pub(crate) fn open(key: &KeyBytes, sealed: &Encrypted) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    check(sealed)?;
    let nonce =
        <[u8; NONCE_BYTES]>::try_from(sealed.nonce.as_slice()).map_err(|_| Malformed::Nonce)?;
    let opened = cipher(key).decrypt(&Nonce::from(nonce), sealed.ciphertext.as_slice());
    opened.map(Zeroizing::new).map_err(|_| Malformed::Tampered)
}

fn cipher(key: &KeyBytes) -> Aes256Gcm {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key.bytes()))
}

/// The form callers keep.
pub(crate) fn to_blob(sealed: &Encrypted) -> String {
    STANDARD.encode(sealed.encode_to_vec())
}

/// Reads the form callers keep and checks its shape.
pub(crate) fn from_blob(blob: &str) -> Result<Encrypted, Malformed> {
    let bytes = STANDARD.decode(blob).map_err(|_| Malformed::Base64)?;
    let sealed = Encrypted::decode_from_slice(&bytes).map_err(|_| Malformed::Message)?;
    check(&sealed)?;
    Ok(sealed)
}

/// A data key as it is stored: sealed with a master key.
pub(crate) fn seal_key(master: &MasterKey, key: &DataKey) -> Vec<u8> {
    EncryptedDataEncryptionKey {
        id: key.id.clone(),
        created_at: key.created_at,
        encrypted: seal(&master.key, &master.id, &key.to_bytes()).into(),
    }
    .encode_to_vec()
}

/// The id of the master key that sealed a stored key.
pub(crate) fn master_of(object: &[u8]) -> Option<String> {
    let stored = EncryptedDataEncryptionKey::decode_from_slice(object).ok()?;
    Some(stored.encrypted.encryption_key_id.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::MasterKeys;

    const MASTER: &str =
        "CgxrZWtfc3BlY0tlazEQgNCV/7wxGiAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw==";
    const STORED: &str = "CgxkZWtfc3BlY0RlazEQ6NeV/7wxGmwSDKChoqOkpaanqKmqqxpH7BQYSC6Ucc8HBsO2bEvQNqc5pqyjrWJMvSwFolqNUin7XGzTggx8DW6uN/w8TLTBfiF9dF/uJWzdkvCNdIHTJS/7MY9F/TciDGtla19zcGVjS2VrMSjQ35X/vDE=";
    const HELLO: &str =
        "EgywsbKztLW2t7i5ursaG16fRiv9A75vR2FpGJVV9mlN5XPP13NEC4x9hSIMZGVrX3NwZWNEZWsxKLjnlf+8MQ==";
    const EMPTY: &str = "EgywsbKztLW2t7i5ursaEMSaP9seBiHhq3peESkHG+kiDGRla19zcGVjRGVrMSi455X/vDE=";

    fn spec_key() -> DataKey {
        let bytes: Vec<u8> = (0x20..0x40).collect();
        let message = messages::vault::v1::DataEncryptionKey {
            id: "dek_specDek1".into(),
            created_at: 1_700_000_001_000,
            key: bytes,
        };
        DataKey::from_bytes(&message.encode_to_vec()).unwrap()
    }

    fn nonce(first: u8) -> [u8; NONCE_BYTES] {
        std::array::from_fn(|i| first + u8::try_from(i).unwrap())
    }

    #[test]
    fn vlt_2_what_is_written_is_the_published_vector_byte_for_byte() {
        testbed::scenario!("VLT-2");
        let master = MasterKey::parse(MASTER).unwrap();
        assert_eq!(master.to_config().as_str(), MASTER);
        assert_eq!(master.id(), "kek_specKek1");
        let key = spec_key();
        let stored = EncryptedDataEncryptionKey {
            id: key.id.clone(),
            created_at: key.created_at,
            encrypted: seal_with(
                &master.key,
                &master.id,
                &key.to_bytes(),
                nonce(0xa0),
                1_700_000_002_000,
            )
            .into(),
        };
        assert_eq!(STANDARD.encode(stored.encode_to_vec()), STORED);
        for (text, blob) in [("hello vault", HELLO), ("", EMPTY)] {
            let sealed = seal_with(
                &key.key,
                &key.id,
                text.as_bytes(),
                nonce(0xb0),
                1_700_000_003_000,
            );
            assert_eq!(to_blob(&sealed), blob);
            assert_eq!(
                &*open(&key.key, &from_blob(blob).unwrap()).unwrap(),
                text.as_bytes()
            );
        }
        assert!(
            MasterKeys::new(master, None)
                .unwrap()
                .named("kek_specKek1")
                .is_some()
        );
    }

    #[test]
    fn an_unknown_algorithm_is_refused() {
        let mut sealed = seal(&spec_key().key, "dek_1", b"x");
        sealed.algorithm = EnumValue::Unknown(1);
        assert_eq!(from_blob(&to_blob(&sealed)), Err(Malformed::Algorithm));
    }

    #[test]
    fn a_field_of_the_future_is_passed_over() {
        let mut bytes = STANDARD.decode(HELLO).unwrap();
        bytes.extend([0xa2, 0x06, 0x03, b'a', b'b', b'c']);
        let sealed = from_blob(&STANDARD.encode(bytes)).unwrap();
        assert_eq!(&*open(&spec_key().key, &sealed).unwrap(), b"hello vault");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(blob in ".{0,200}") {
            let _ = from_blob(&blob);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(sealed) = from_blob(&STANDARD.encode(&bytes)) {
                prop_assert_eq!(open(&spec_key().key, &sealed).err(), Some(Malformed::Tampered));
            }
            let _ = DataKey::from_bytes(&bytes);
            let _ = EncryptedDataEncryptionKey::decode_from_slice(&bytes);
            let _ = MasterKey::parse(&STANDARD.encode(&bytes));
        }

        #[test]
        fn changing_one_byte_never_gives_another_text(at in 0usize..60, to in any::<u8>()) {
            let mut bytes = STANDARD.decode(HELLO).unwrap();
            let at = at % bytes.len();
            bytes[at] = to;
            if let Ok(sealed) = from_blob(&STANDARD.encode(&bytes)) && let Ok(text) = open(&spec_key().key, &sealed) {
                prop_assert_eq!(&*text, b"hello vault");
            }
        }

        #[test]
        fn what_is_sealed_opens_to_the_same(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let key = DataKey::generate();
            let sealed = from_blob(&to_blob(&seal(&key.key, &key.id, &text))).unwrap();
            prop_assert_eq!(&*open(&key.key, &sealed).unwrap(), &text);
            prop_assert!(open(&spec_key().key, &sealed).is_err());
        }
    }
}
