//! How a development Vault is set up.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::keys::MasterKeys;
use crate::store::Store;

/// The port of the real Vault.
pub(crate) const PORT: u16 = 8060;

/// Everything a server needs.
#[derive(Debug)]
pub struct Options {
    /// Where to listen: port 8060 on loopback unless told otherwise. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who may call.
    pub tokens: Tokens,
    /// Where the master keys come from.
    pub master: MasterSource,
    /// Where sealed keys are kept.
    pub storage: Storage,
    /// What a call may cost.
    pub limits: Limits,
}

impl Options {
    /// A Vault in memory on a free port of loopback, which draws its master key: for tests.
    ///
    /// # Errors
    /// [`TokensError`].
    pub fn in_memory(token: &str) -> Result<Self, TokensError> {
        Ok(Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tokens: Tokens::new(token, None)?,
            master: MasterSource::Generate { file: None },
            storage: Storage::Memory,
            limits: Limits::default(),
        })
    }

    /// A Vault in a directory, on a free port of loopback. Its master key is kept beside the directory, in a file of
    /// the same name with `.master-key` appended, and drawn when it is not there.
    ///
    /// # Errors
    /// [`TokensError`].
    pub fn on_disk(token: &str, directory: impl Into<PathBuf>) -> Result<Self, TokensError> {
        let directory = directory.into();
        let file = Some(key_file_of(&directory));
        Ok(Self {
            master: MasterSource::Generate { file },
            storage: Storage::Disk(directory),
            ..Self::in_memory(token)?
        })
    }
}

/// Beside the storage, not in it: storage never holds a clear key.
pub(crate) fn key_file_of(directory: &std::path::Path) -> PathBuf {
    let mut name = directory.file_name().unwrap_or_default().to_owned();
    name.push(".master-key");
    directory.with_file_name(name)
}

/// Where sealed keys are kept.
pub enum Storage {
    /// In this process.
    Memory,
    /// In files below a directory.
    Disk(PathBuf),
    /// In a store of the caller's.
    Other(Arc<dyn Store>),
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("Memory"),
            Self::Disk(path) => f.debug_tuple("Disk").field(path).finish(),
            Self::Other(_) => f.write_str("Other"),
        }
    }
}

/// Where the master keys come from.
#[derive(Debug, Clone)]
pub enum MasterSource {
    /// From the configuration.
    Given(MasterKeys),
    /// Read from the file, or drawn and written there; without a file drawn for this process alone.
    Generate {
        /// The file.
        file: Option<PathBuf>,
    },
}

/// The bearer tokens that are accepted: one, or two while callers move from the old one to the new.
#[derive(Clone)]
pub struct Tokens(Vec<Zeroizing<String>>);

/// No usable token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bearer tokens must not be empty")]
pub struct TokensError;

impl Tokens {
    /// Accepts `token` and, while it is given, `previous`.
    ///
    /// # Errors
    /// [`TokensError`] for an empty one.
    pub fn new(token: &str, previous: Option<&str>) -> Result<Self, TokensError> {
        let tokens: Vec<_> = std::iter::once(token)
            .chain(previous)
            .map(|t| Zeroizing::new(t.to_owned()))
            .collect();
        if tokens.iter().any(|token| token.is_empty()) {
            return Err(TokensError);
        }
        Ok(Self(tokens))
    }

    /// Compares in constant time with each one.
    pub(crate) fn accept(&self, token: &[u8]) -> bool {
        let matches = self.0.iter().map(|known| known.as_bytes().ct_eq(token));
        matches
            .fold(subtle::Choice::from(0), |any, one| any | one)
            .into()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

/// What a call may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Items of a bulk call.
    pub items: usize,
    /// Time in which a request's headers, and then its body, must have come.
    pub read: Duration,
    /// Time the storage has to answer the readiness check.
    pub readiness: Duration,
    /// Time that calls under way have to end when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            items: 1_000,
            read: Duration::from_secs(30),
            readiness: Duration::from_millis(500),
            drain: Duration::from_secs(10),
        }
    }
}
