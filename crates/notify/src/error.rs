//! What can go wrong with a call, and what the caller should do about it.
//!
//! No variant holds an address: its path is a secret.

use std::fmt;
use std::time::{Duration, SystemTime};

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A message to a Slack webhook.
    Slack,
    /// A ping of a heartbeat URL.
    Heartbeat,
}

impl Operation {
    /// The value of the metric label `operation`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Heartbeat => "heartbeat",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slack => "the Slack webhook",
            Self::Heartbeat => "the heartbeat URL",
        })
    }
}

/// What a caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// This message is refused and will be again: leave it, go on with others.
    BadRequest,
    /// Nothing is at the address (any more): no message will get through until an operator acts.
    NotFound,
    /// The address is not accepted (any more): no message will get through until an operator acts.
    Unauthorised,
    /// Wait until then.
    RateLimited {
        /// When the next request is welcome; at most an hour ahead.
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
pub enum NotifyError {
    /// The address cannot be used.
    #[error("the address of {operation} {why}")]
    Settings {
        /// Whose address.
        operation: Operation,
        /// What is wrong with it; does not repeat it.
        why: &'static str,
    },
    /// The message cannot be written as JSON.
    #[error("a message cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The other side answered with an error.
    #[error("{operation} answered HTTP {status}: {message}")]
    Answered {
        /// What was called.
        operation: Operation,
        /// The HTTP status.
        status: u16,
        /// The beginning of its text; withheld when it repeats the address.
        message: String,
        /// With 429: when to come back.
        until: Option<SystemTime>,
    },
    /// No answer in time. The call may have had its effect.
    #[error("{operation} did not answer within {after:?}")]
    TooLate {
        /// What was called.
        operation: Operation,
        /// How long was waited.
        after: Duration,
    },
    /// The connection could not be made or broke. The call may have had its effect.
    #[error("no connection to {operation}")]
    Connection {
        /// What was called.
        operation: Operation,
        /// What the network said, without the address.
        #[source]
        source: reqwest::Error,
    },
}

impl NotifyError {
    /// What the caller does about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Settings { .. } | Self::Encode(_) => Class::BadRequest,
            Self::TooLate { .. } | Self::Connection { .. } => Class::Unavailable,
            Self::Answered { status, until, .. } => match status {
                401 | 403 => Class::Unauthorised,
                404 | 410 => Class::NotFound,
                408 | 425 => Class::Unavailable,
                429 => Class::RateLimited {
                    until: until.unwrap_or_else(SystemTime::now),
                },
                300..=499 => Class::BadRequest,
                _ => Class::Unavailable,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_class() {
        for (status, class) in [
            (204, Class::Unavailable),
            (302, Class::BadRequest),
            (400, Class::BadRequest),
            (401, Class::Unauthorised),
            (403, Class::Unauthorised),
            (404, Class::NotFound),
            (408, Class::Unavailable),
            (410, Class::NotFound),
            (413, Class::BadRequest),
            (500, Class::Unavailable),
            (503, Class::Unavailable),
        ] {
            let error = NotifyError::Answered {
                operation: Operation::Slack,
                status,
                message: String::new(),
                until: None,
            };
            assert_eq!(error.class(), class, "{status}");
        }
    }
}
