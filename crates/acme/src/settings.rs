//! Which authority, who we are to it, and how long a call may take.
//!
//! Not here: reading configuration files; crate `config` does.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{Operation, Problem};

/// Let's Encrypt.
pub const PRODUCTION: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Let's Encrypt's staging environment: real protocol, untrusted certificates, high limits.
pub const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// The settings of one authority.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory's URL: https, or http on loopback.
    pub directory: String,
    /// Contact URIs such as `mailto:acme@example.com`; may be empty.
    pub contact: Vec<String>,
    /// PEM certificates trusted besides the system's, for a private authority.
    pub ca_bundle: Option<Vec<u8>>,
    /// External account binding, where the authority demands one.
    pub external_account: Option<ExternalAccount>,
    /// Time, size and number limits.
    pub limits: Limits,
}

impl Settings {
    /// The settings for a directory: `production` (also the empty text) and `staging` are Let's Encrypt's, anything
    /// else is a URL.
    #[must_use]
    pub fn of(directory: &str) -> Self {
        let directory = match directory.trim() {
            "" | "production" => PRODUCTION,
            "staging" => STAGING,
            url => url,
        };
        Self {
            directory: directory.to_owned(),
            contact: Vec::new(),
            ca_bundle: None,
            external_account: None,
            limits: Limits::default(),
        }
    }

    /// Adds a contact address.
    #[must_use]
    pub fn with_email(mut self, address: &str) -> Self {
        self.contact.push(format!("mailto:{address}"));
        self
    }
}

impl Default for Settings {
    /// Let's Encrypt's production.
    fn default() -> Self {
        Self::of("production")
    }
}

/// A key that an authority gave out of band, to tie accounts to its customer (RFC 8555 §7.3.4).
#[derive(Clone)]
pub struct ExternalAccount {
    /// The key's id.
    pub key_id: String,
    /// The key itself, raw.
    pub(crate) key: Zeroizing<Vec<u8>>,
}

impl ExternalAccount {
    /// Reads the key as authorities hand it out: base64url or base64, padded or not.
    ///
    /// # Errors
    /// A problem of class [`crate::Class::Settings`] when it is not base64 or empty. The text does not repeat it.
    pub fn new(key_id: &str, key: &str) -> Result<Self, Problem> {
        let refuse = |why| Problem::settings(Operation::Settings, why);
        if key_id.is_empty() {
            return Err(refuse("the id of the external account key is empty"));
        }
        let key = key.trim().trim_end_matches('=');
        let raw = URL_SAFE_NO_PAD
            .decode(key)
            .or_else(|_| STANDARD.decode(format!("{key}{}", &"==="[..(4 - key.len() % 4) % 4])))
            .map_err(|_| refuse("the external account key is not base64"))?;
        if raw.is_empty() {
            return Err(refuse("the external account key is empty"));
        }
        Ok(Self {
            key_id: key_id.to_owned(),
            key: Zeroizing::new(raw),
        })
    }
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccount")
            .field("key_id", &self.key_id)
            .field("key", &"***")
            .finish()
    }
}

/// Bounds of a call.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// For one HTTP exchange.
    pub exchange: Duration,
    /// For a whole call with its repetitions.
    pub call: Duration,
    /// The largest answer read, in bytes.
    pub answer_bytes: usize,
    /// How often a call is begun again because the authority refused its nonce.
    pub nonce_rounds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            exchange: Duration::from_secs(30),
            call: Duration::from_secs(120),
            answer_bytes: 1 << 20,
            nonce_rounds: 12,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    #[test]
    fn production_is_the_default_and_staging_is_one_word_away() {
        assert_eq!(Settings::default().directory, PRODUCTION);
        assert_eq!(Settings::of("").directory, PRODUCTION);
        assert_eq!(Settings::of("staging").directory, STAGING);
        assert_eq!(Settings::of(" https://ca/dir ").directory, "https://ca/dir");
        assert_eq!(
            Settings::of("staging").with_email("acme@x.org").contact,
            ["mailto:acme@x.org"]
        );
    }

    #[test]
    fn an_external_key_is_read_in_every_base64_and_never_shown() {
        let raw = [0xfbu8, 0xff, 0x01, 0x02];
        for text in ["-_8BAg", "-_8BAg==", "+/8BAg==", "+/8BAg"] {
            let account = ExternalAccount::new("kid", text).unwrap();
            assert_eq!(account.key.as_slice(), raw, "{text}");
            assert!(!format!("{account:?}").contains("8BAg"));
        }
        for (id, key) in [("", "AAAA"), ("kid", ""), ("kid", "no base64!")] {
            let problem = ExternalAccount::new(id, key).unwrap_err();
            assert_eq!(problem.class(), Class::Settings);
            assert!(!problem.to_string().contains("no base64!"));
        }
    }
}
