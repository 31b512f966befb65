//! What can go wrong between us and Restate, sorted by what the caller can do about it.
//!
//! Not for errors *of* this worker's handlers: those arrive here only as a status and a text.

/// An answer that was not a success, or no answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The configured address is not an http(s) URL.
    #[error("not a usable Restate address: {0:?}")]
    BadUrl(String),
    /// A name or key that cannot be put into a path.
    #[error("{0}")]
    BadPath(String),
    /// The client could not be built (TLS set-up).
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
    /// The request could not be written as JSON.
    #[error("the request body could not be encoded")]
    Encode(#[source] serde_json::Error),
    /// Nothing came back: refused, cut or timed out. The request may have had its effect.
    #[error("{operation}: Restate did not answer{}", if *.timed_out { " in time" } else { "" })]
    Unreachable {
        /// What was tried.
        operation: String,
        /// Whether a time-out ended it.
        timed_out: bool,
        /// The transport's own account.
        #[source]
        source: reqwest::Error,
    },
    /// Restate, or the handler that was called, answered with an error.
    #[error("{operation}: {status} {message}")]
    Status {
        /// What was tried.
        operation: String,
        /// HTTP status; of a failed handler, the code of its terminal error.
        status: u16,
        /// Restate's own code: a number of the ingress, `META0003` and the like of the admin API.
        code: Option<String>,
        /// Restate's or the handler's text.
        message: String,
        /// `invocation` when the handler itself failed, `ingress` when it was never reached.
        origin: Option<String>,
    },
    /// The answer was a success, but not of the expected shape.
    #[error("{operation}: unexpected answer: {detail}")]
    Unexpected {
        /// What was tried.
        operation: String,
        /// What was wrong with the answer.
        detail: String,
    },
}

/// What the caller can do about an [`ApiError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The request is wrong; sending it again changes nothing.
    BadRequest,
    /// No such service, handler, invocation or awakeable.
    NotFound,
    /// The credential is missing or refused.
    Unauthorised,
    /// The state of the thing forbids it (already completed, cancelled, taken).
    Conflict,
    /// Come back later.
    RateLimited,
    /// Restate or the way to it is down; the same request may succeed later.
    Unavailable,
}

impl Class {
    /// The value of the metric label `outcome`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::Unauthorised => "unauthorised",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
        }
    }
}

impl ApiError {
    /// HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The text Restate or the handler gave, if there was an answer.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Status { message, .. } => Some(message),
            _ => None,
        }
    }

    /// Whether a handler ran and failed, as opposed to never having been reached.
    pub fn from_invocation(&self) -> bool {
        matches!(self, Self::Status { origin: Some(o), .. } if o == "invocation")
    }

    /// What the caller can do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::BadUrl(_) | Self::BadPath(_) | Self::Client(_) | Self::Encode(_) => {
                Class::BadRequest
            }
            Self::Unreachable { .. } | Self::Unexpected { .. } => Class::Unavailable,
            Self::Status { status, .. } => match status {
                401 | 403 => Class::Unauthorised,
                404 => Class::NotFound,
                409 => Class::Conflict,
                429 => Class::RateLimited,
                408 | 500.. => Class::Unavailable,
                _ => Class::BadRequest,
            },
        }
    }
}
