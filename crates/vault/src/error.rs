//! What can go wrong with a call, and what the caller should do about it.
//!
//! No variant holds a plaintext or the token.

use std::fmt;
use std::time::{Duration, SystemTime};

/// The methods of the Vault this client calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `Liveness`
    Liveness,
    /// `Encrypt`
    Encrypt,
    /// `Decrypt`
    Decrypt,
    /// `DecryptBulk`
    DecryptBulk,
}

impl Operation {
    /// The method's name on the wire.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Liveness => "Liveness",
            Self::Encrypt => "Encrypt",
            Self::Decrypt => "Decrypt",
            Self::DecryptBulk => "DecryptBulk",
        }
    }

    /// The value of the metric label `operation`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Liveness => "liveness",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::DecryptBulk => "decrypt_bulk",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method())
    }
}

/// An error code of the Connect protocol, as far as the Vault uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The request is malformed, or the blob was tampered with.
    InvalidArgument,
    /// The keyring has no such key.
    NotFound,
    /// The token is missing or wrong.
    Unauthenticated,
    /// The token may not use this keyring.
    PermissionDenied,
    /// Too many requests.
    ResourceExhausted,
    /// The state of the Vault forbids it.
    FailedPrecondition,
    /// The address does not serve this method: most likely it is no Vault.
    Unimplemented,
    /// A fault inside the Vault.
    Internal,
    /// The Vault, or its storage, cannot serve now.
    Unavailable,
    /// The Vault ran out of the time it was given.
    DeadlineExceeded,
    /// Anything else.
    Unknown,
}

impl Code {
    /// Reads the `code` of an error body; `None` when it is none.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Some(match text {
            "invalid_argument" | "out_of_range" => Self::InvalidArgument,
            "not_found" => Self::NotFound,
            "unauthenticated" => Self::Unauthenticated,
            "permission_denied" => Self::PermissionDenied,
            "resource_exhausted" => Self::ResourceExhausted,
            "failed_precondition" | "already_exists" => Self::FailedPrecondition,
            "unimplemented" => Self::Unimplemented,
            "internal" => Self::Internal,
            "unavailable" => Self::Unavailable,
            "deadline_exceeded" => Self::DeadlineExceeded,
            "unknown" | "canceled" | "aborted" | "data_loss" => Self::Unknown,
            _ => return None,
        })
    }

    /// The code for an answer without a Connect error body, from a proxy for example.
    pub(crate) fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 | 405 | 415 | 501 => Self::Unimplemented,
            429 => Self::ResourceExhausted,
            502..=504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }
}

/// What a caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The same request fails again: give up and say why.
    BadRequest,
    /// Nothing under this keyring and key: give up and say why.
    NotFound,
    /// The token is not accepted: an operator must act; retry slowly.
    Unauthorised,
    /// Wait until then.
    RateLimited {
        /// When the next request is welcome.
        until: SystemTime,
    },
    /// Retry with back-off.
    Unavailable,
}

impl Class {
    /// The value of the metric label `outcome`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::Unauthorised => "unauthorised",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Address or token of the Vault cannot be used.
    #[error("settings of the Vault: {0}")]
    Settings(String),
    /// The Vault answered with an error.
    #[error("Vault refused {operation} ({code:?}, HTTP {status}): {message}")]
    Answered {
        /// What was asked.
        operation: Operation,
        /// Why it refused.
        code: Code,
        /// The HTTP status.
        status: u16,
        /// The server's text, shortened, withheld when it repeats a secret of the request.
        message: String,
        /// For [`Code::ResourceExhausted`]: when to ask again.
        until: Option<SystemTime>,
    },
    /// No answer in time.
    #[error("Vault did not answer {operation} within {after:?}")]
    TooLate {
        /// What was asked.
        operation: Operation,
        /// How long was waited.
        after: Duration,
    },
    /// The connection could not be made or broke.
    #[error("no connection to the Vault for {operation}")]
    Connection {
        /// What was asked.
        operation: Operation,
        /// What the network said.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that is not what the contract says.
    #[error("the Vault's answer to {operation} is not usable: {what}")]
    BadAnswer {
        /// What was asked.
        operation: Operation,
        /// What is wrong with the answer.
        what: &'static str,
    },
}

impl VaultError {
    /// What the caller does about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Settings(_) => Class::BadRequest,
            Self::TooLate { .. } | Self::Connection { .. } | Self::BadAnswer { .. } => {
                Class::Unavailable
            }
            Self::Answered { code, until, .. } => match code {
                Code::InvalidArgument | Code::FailedPrecondition | Code::Unimplemented => {
                    Class::BadRequest
                }
                Code::NotFound => Class::NotFound,
                Code::Unauthenticated | Code::PermissionDenied => Class::Unauthorised,
                Code::ResourceExhausted => match *until {
                    Some(until) => Class::RateLimited { until },
                    None => Class::Unavailable,
                },
                Code::Internal | Code::Unavailable | Code::DeadlineExceeded | Code::Unknown => {
                    Class::Unavailable
                }
            },
        }
    }

    /// Whether a few retries may heal an error of class [`Class::BadRequest`] all the same: older servers answer
    /// `invalid_argument` to `Decrypt` also when their storage is down.
    #[must_use]
    pub fn possibly_transient(&self) -> bool {
        matches!(
            self,
            Self::Answered {
                operation: Operation::Decrypt,
                code: Code::InvalidArgument,
                ..
            }
        )
    }

    /// Whether the same call tries again by itself.
    pub(crate) fn retry_now(&self) -> bool {
        match self {
            Self::TooLate { .. } | Self::Connection { .. } => true,
            Self::Answered { code, .. } => {
                matches!(code, Code::Unavailable | Code::DeadlineExceeded)
            }
            Self::Settings(_) | Self::BadAnswer { .. } => false,
        }
    }
}
