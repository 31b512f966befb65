//! Keeps the builder's tokens unreadable in the database: AES-256-GCM under a key made of the registry's password, bound to
//! the deployment. Whoever has the password can begin builds anyway, so nothing further has to be configured or kept.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// What the key is for; another purpose gives another key.
const PURPOSE: &[u8] = b"ctrl-worker build token v1";

/// A key that seals short texts.
#[derive(Clone, Copy)]
pub struct SealingKey([u8; 32]);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

/// Why a sealed text cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unopened;

impl fmt::Display for Unopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was sealed under another key, or damaged")
    }
}

impl std::error::Error for Unopened {}

impl SealingKey {
    /// The key of an installation, from a secret it has anyway.
    #[must_use]
    pub fn derived(secret: &str) -> Self {
        let mut key = [0; 32];
        let info = [PURPOSE];
        Salt::new(HKDF_SHA256, &[])
            .extract(secret.as_bytes())
            .expand(&info, HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("a key as long as the hash");
        Self(key)
    }

    /// Seals a text for one name; an empty one stays empty.
    pub(crate) fn seal(&self, name: &str, text: &str) -> Result<String, Unopened> {
        if text.is_empty() {
            return Ok(String::new());
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, &self.0).map_err(|_| Unopened)?;
        let mut sealed = text.as_bytes().to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed)
            .map_err(|_| Unopened)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.extend(sealed);
        Ok(STANDARD.encode(whole))
    }

    /// Opens what was sealed for the same name.
    pub(crate) fn open(&self, name: &str, sealed: &str) -> Result<String, Unopened> {
        if sealed.is_empty() {
            return Ok(String::new());
        }
        let whole = STANDARD.decode(sealed).map_err(|_| Unopened)?;
        let (nonce, rest) = whole.split_at_checked(NONCE_LEN).ok_or(Unopened)?;
        let nonce =
            aws_lc_rs::aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopened)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &self.0).map_err(|_| Unopened)?;
        let mut rest = rest.to_vec();
        let text = key
            .open_in_place(nonce, Aad::from(name.as_bytes()), &mut rest)
            .map_err(|_| Unopened)?;
        String::from_utf8(text.to_vec()).map_err(|_| Unopened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_opened_with_its_key_for_its_deployment_alone() {
        let key = SealingKey::derived("registry password");
        let sealed = key.seal("d_1", "build token").expect("sealed");
        assert!(!sealed.contains("build"));
        assert_eq!(key.open("d_1", &sealed).as_deref(), Ok("build token"));
        assert_eq!(key.open("d_2", &sealed), Err(Unopened));
        assert_eq!(
            SealingKey::derived("other").open("d_1", &sealed),
            Err(Unopened)
        );
        assert_eq!(key.open("d_1", "AAAA"), Err(Unopened));
        assert_ne!(key.seal("d_1", "build token").expect("sealed"), sealed);
        assert_eq!(key.seal("d_1", ""), Ok(String::new()));
        assert_eq!(key.open("d_1", ""), Ok(String::new()));
    }
}
