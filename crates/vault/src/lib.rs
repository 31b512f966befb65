//! Client of the Vault service (`vault.v1.VaultService`): seals texts under the key of a keyring and opens them
//! again, over Connect with JSON.
//!
//! Not here: the server (crate `vault-dev` has one for development and tests), anything of Restate, and any
//! decision about which keyring a secret belongs to. Decrypt and use within one durable step: what this crate
//! returns as [`Plaintext`] cannot be serialised, on purpose, so that it cannot reach a journal.

mod answer;
mod call;
mod error;
mod options;
mod plaintext;
mod wire;

use std::collections::BTreeMap;
use std::fmt;

use url::Url;
use zeroize::Zeroizing;

pub use error::{Class, Code, Operation, VaultError};
pub use options::Options;
pub use plaintext::Plaintext;

/// The most items sent in one bulk request; larger calls are cut into several.
const ITEMS_PER_REQUEST: usize = 500;
/// The most payload bytes sent in one bulk request (one larger item still goes alone).
const BYTES_PER_REQUEST: usize = 8 << 20;

/// What `Encrypt` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// The sealed text, base64, opaque. It names its own key, so the keyring and this are all that decrypting needs.
    pub blob: String,
    /// The id of the data key that sealed it (`dek_…`).
    pub key_id: String,
}

/// A Vault at one address. Clones share connections.
#[derive(Clone)]
pub struct Vault {
    http: reqwest::Client,
    base: Url,
    token: Zeroizing<String>,
    options: Options,
}

impl Vault {
    /// A client with the timeouts and retries of production.
    ///
    /// # Errors
    /// [`VaultError::Settings`] when the URL is not `http(s)://host…` or the token cannot be sent in a header.
    pub fn new(url: &str, token: &str) -> Result<Self, VaultError> {
        Self::with_options(url, token, Options::default())
    }

    /// A client with other limits.
    ///
    /// # Errors
    /// As [`Vault::new`].
    pub fn with_options(url: &str, token: &str, options: Options) -> Result<Self, VaultError> {
        let base = base_url(url)?;
        if token.is_empty() || !token.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            return Err(VaultError::Settings(
                "the token must be non-empty printable ASCII without spaces".into(),
            ));
        }
        // Secrets pass through here in clear: straight to the address given, never through a proxy of the
        // environment, never to wherever an answer redirects.
        let http = reqwest::Client::builder()
            .connect_timeout(options.connect)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build()
            .map_err(|error| VaultError::Settings(error.without_url().to_string()))?;
        Ok(Self {
            http,
            base,
            token: Zeroizing::new(token.to_owned()),
            options,
        })
    }

    /// Seals a text under the newest key of the keyring, which is created on first use.
    ///
    /// # Errors
    /// Any [`VaultError`]; its [`VaultError::class`] says what to do.
    pub async fn encrypt(&self, keyring: &str, data: &str) -> Result<Encrypted, VaultError> {
        let request = wire::EncryptRequest { keyring, data };
        let answer: wire::EncryptResponse =
            self.call(Operation::Encrypt, &request, 1, data).await?;
        if answer.encrypted.is_empty() {
            return Err(VaultError::BadAnswer {
                operation: Operation::Encrypt,
                what: "no blob in it",
            });
        }
        Ok(Encrypted {
            blob: answer.encrypted,
            key_id: answer.key_id,
        })
    }

    /// Opens a blob of the keyring.
    ///
    /// # Errors
    /// Any [`VaultError`]. See [`VaultError::possibly_transient`] for servers that report outages as bad requests.
    pub async fn decrypt(&self, keyring: &str, encrypted: &str) -> Result<Plaintext, VaultError> {
        let request = wire::DecryptRequest { keyring, encrypted };
        let answer: wire::DecryptResponse = self.call(Operation::Decrypt, &request, 1, "").await?;
        Ok(answer.plaintext)
    }

    /// Opens many blobs of one keyring: the caller's ids to blobs in, the same ids to texts out. All or nothing.
    ///
    /// # Errors
    /// Any [`VaultError`]; the server's message names the first item that failed.
    pub async fn decrypt_bulk(
        &self,
        keyring: &str,
        items: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Plaintext>, VaultError> {
        let mut opened = BTreeMap::new();
        for part in wire::parts(items, ITEMS_PER_REQUEST, BYTES_PER_REQUEST) {
            let request = wire::DecryptBulkRequest {
                keyring,
                items: &part,
            };
            let answer: wire::DecryptBulkResponse = self
                .call(Operation::DecryptBulk, &request, part.len(), "")
                .await?;
            opened.extend(answer.items);
        }
        if !opened.keys().eq(items.keys()) {
            let what = "its ids are not the ids asked for";
            return Err(VaultError::BadAnswer {
                operation: Operation::DecryptBulk,
                what,
            });
        }
        Ok(opened)
    }

    /// Asks whether the Vault answers at all. Needs no valid token and says nothing of the Vault's storage.
    ///
    /// # Errors
    /// Any [`VaultError`], also when the answer is not `ok`.
    pub async fn ping(&self) -> Result<(), VaultError> {
        let answer: wire::LivenessResponse = self
            .call(Operation::Liveness, &wire::Empty {}, 1, "")
            .await?;
        if answer.status == "ok" {
            return Ok(());
        }
        Err(VaultError::BadAnswer {
            operation: Operation::Liveness,
            what: "its status is not ok",
        })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("base", &self.base.as_str())
            .field("token", &"***")
            .finish_non_exhaustive()
    }
}

/// Reads the address and gives it the trailing slash that joining needs.
fn base_url(text: &str) -> Result<Url, VaultError> {
    let refuse =
        |why: &str| VaultError::Settings(format!("the address {why}; expected http://host:port"));
    let mut url = Url::parse(text).map_err(|error| refuse(&format!("is not a URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refuse("is not http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("holds a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("holds a query or fragment"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        tracing::warn!(
            host = url.host_str(),
            "secrets go to the Vault without TLS, as its address says"
        );
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_bad_ones_refused_without_their_password() {
        assert_eq!(
            base_url("http://127.0.0.1:8060").unwrap().as_str(),
            "http://127.0.0.1:8060/"
        );
        assert_eq!(
            base_url("https://vault.example/x").unwrap().as_str(),
            "https://vault.example/x/"
        );
        for bad in [
            "",
            "vault:8060",
            "ftp://x",
            "http://",
            "http://u:hunter2@x",
            "http://x/?a=hunter2",
        ] {
            let error = base_url(bad).unwrap_err();
            assert_eq!(error.class(), Class::BadRequest, "{bad}");
            assert!(
                !format!("{error} {error:?}").contains("hunter2"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_token_that_no_header_can_carry_is_refused_and_never_shown() {
        for bad in ["", "a b", "a\r\nX: y", "ключ"] {
            let error = Vault::new("http://127.0.0.1:1", bad).unwrap_err();
            assert!(matches!(error, VaultError::Settings(_)));
        }
        let vault = Vault::new("http://127.0.0.1:1", "tok_hunter2").unwrap();
        assert!(!format!("{vault:?}").contains("hunter2"));
    }
}
