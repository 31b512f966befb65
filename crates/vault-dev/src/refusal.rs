//! Why the Vault refuses, and the Connect code a caller sees for it.
//!
//! No text here repeats a plaintext, a blob or a key.

use crate::envelope::Malformed;
use crate::keyring::BadKeyring;
use crate::store::StoreError;

/// A call that is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A keyring's name breaks the rules.
    #[error(transparent)]
    Keyring(#[from] BadKeyring),
    /// The blob is not one, or was changed.
    #[error("the encrypted text {0}")]
    Blob(Malformed),
    /// More items than one call may have.
    #[error("{given} items in one call, at most {most} are served")]
    TooMany {
        /// Items of the call.
        given: usize,
        /// Items a call may have.
        most: usize,
    },
    /// This keyring has no such key: wrong keyring, or the key is gone.
    #[error("the keyring has no key of this id")]
    NoSuchKey,
    /// The stored key was sealed with a master key that is not configured.
    #[error("the master key {0} that sealed this keyring's key is not configured")]
    MasterKey(String),
    /// A stored key cannot be read.
    #[error("a stored key of this keyring {0}")]
    StoredKey(Malformed),
    /// The storage does not serve.
    #[error("storage is unavailable")]
    Storage(#[source] StoreError),
    /// One item of a bulk call; the first that failed.
    #[error("item {id:?}: {cause}")]
    Item {
        /// The caller's id.
        id: String,
        /// Why.
        cause: Box<Refusal>,
    },
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Name(_) => Self::Keyring(BadKeyring::unstorable()),
            StoreError::Unavailable(_) => Self::Storage(error),
        }
    }
}

impl Refusal {
    /// The Connect code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Keyring(_) | Self::Blob(_) | Self::TooMany { .. } => Code::InvalidArgument,
            Self::NoSuchKey => Code::NotFound,
            Self::MasterKey(_) | Self::StoredKey(_) => Code::Internal,
            Self::Storage(_) => Code::Unavailable,
            // Callers know a failed bulk call as `internal`; only an outage is told apart.
            Self::Item { cause, .. } => match cause.code() {
                Code::Unavailable => Code::Unavailable,
                _ => Code::Internal,
            },
        }
    }
}

/// Codes of the Connect protocol that this server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 400
    InvalidArgument,
    /// 401
    Unauthenticated,
    /// 404
    NotFound,
    /// 500
    Internal,
    /// 501
    Unimplemented,
    /// 503
    Unavailable,
    /// 504
    DeadlineExceeded,
}

impl Code {
    /// As it is written in an error body.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::Unauthenticated => "unauthenticated",
            Self::NotFound => "not_found",
            Self::Internal => "internal",
            Self::Unimplemented => "unimplemented",
            Self::Unavailable => "unavailable",
            Self::DeadlineExceeded => "deadline_exceeded",
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidArgument => 400,
            Self::Unauthenticated => 401,
            Self::NotFound => 404,
            Self::Internal => 500,
            Self::Unimplemented => 501,
            Self::Unavailable => 503,
            Self::DeadlineExceeded => 504,
        }
    }
}
