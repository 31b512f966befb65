//! The error a step or a handler ends with, and its one conversion to Restate's.
//!
//! `Stop` is deliberately not a [`std::error::Error`]: the SDK turns every such error into a retry, so a
//! terminal error that passed through `?` would be retried for ever.

use crate::codes::{self, Code};
use mysql::{Class, DbError};
use restate_sdk::errors::{HandlerError, TerminalError};
use std::error::Error;
use std::fmt;

/// A terminal error of ours: a code with a page, and a text that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which page explains it.
    pub code: Code,
    /// One or two sentences; shown to callers and, for deployments, to customers. Carries no secret.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.id, self.text)
    }
}

/// Why a step or handler does not go on.
#[derive(Debug)]
pub enum Stop {
    /// Ends the invocation; never retried.
    Terminal(Fault),
    /// Tried again under the step's preset.
    Retry(Box<dyn Error + Send + Sync>),
    /// Restate ended it: cancelled, killed, a failed call, or a step out of retries.
    Ended(TerminalError),
}

impl Stop {
    /// A terminal error with a code and a text.
    pub fn fault(code: Code, text: impl Into<String>) -> Self {
        Stop::Terminal(Fault {
            code,
            text: text.into(),
        })
    }

    /// An error worth another try.
    pub fn retry(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Stop::Retry(source.into())
    }

    /// True when the invocation was cancelled (Restate's 409 `cancelled`).
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Stop::Ended(e) if e.code() == 409 && e.message() == "cancelled")
    }

    /// The text for the person who asked for the work: our own texts as they are, a cancellation in words,
    /// and nothing of an internal failure but its code.
    pub fn public_text(&self) -> String {
        match self {
            Stop::Terminal(fault) => fault.text.clone(),
            Stop::Ended(e) if self.is_cancelled() => {
                let _ = e;
                "The deployment was cancelled.".to_owned()
            }
            Stop::Ended(e) => match e.message().split_once(": ") {
                Some((code, text)) if codes::ALL.iter().any(|c| c.id == code) => text.to_owned(),
                _ => format!(
                    "An internal step failed ({}). Try again; if it persists, contact support.",
                    codes::RETRIES_EXHAUSTED.id
                ),
            },
            Stop::Retry(_) => {
                format!(
                    "An internal step failed ({}). Try again; if it persists, contact support.",
                    codes::RETRIES_EXHAUSTED.id
                )
            }
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Terminal(fault) => fault.fmt(f),
            Stop::Retry(source) => write!(f, "{source}"),
            Stop::Ended(e) => write!(f, "[{}] {}", e.code(), e.message()),
        }
    }
}

impl From<Fault> for TerminalError {
    fn from(fault: Fault) -> Self {
        TerminalError::new_with_code(fault.code.status, fault.to_string())
    }
}

impl From<Stop> for HandlerError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Terminal(fault) => TerminalError::from(fault).into(),
            Stop::Retry(source) => source.into(),
            Stop::Ended(e) => e.into(),
        }
    }
}

impl From<TerminalError> for Stop {
    fn from(e: TerminalError) -> Self {
        Stop::Ended(e)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Terminal(fault)
    }
}

/// A database that refuses the data itself (too long, out of range) will refuse it again; everything else may
/// heal.
impl From<DbError> for Stop {
    fn from(e: DbError) -> Self {
        match e.class() {
            Class::Data => Stop::fault(
                codes::BAD_DATA,
                format!("the database refused a value: {e}"),
            ),
            _ => Stop::retry(e),
        }
    }
}

impl From<mysql::sea_orm::DbErr> for Stop {
    fn from(e: mysql::sea_orm::DbErr) -> Self {
        DbError::from(e).into()
    }
}

/// Lets `mysql::retry_as` repeat a transaction whose body ends with a [`Stop`].
impl mysql::Classify for Stop {
    fn is_transient(&self) -> bool {
        matches!(self, Stop::Retry(source) if source.downcast_ref::<DbError>().is_some_and(DbError::is_transient))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_error_keeps_code_and_text() {
        let terminal = TerminalError::from(Fault {
            code: codes::NO_ROUTES,
            text: "nothing to move".into(),
        });
        assert_eq!(
            (terminal.code(), terminal.message()),
            (400, "CW0014: nothing to move")
        );
        assert_eq!(Stop::from(terminal).public_text(), "nothing to move");
    }

    #[test]
    fn an_internal_failure_shows_only_its_code() {
        let stop = Stop::Ended(TerminalError::new("connection to 10.0.0.1 refused"));
        assert!(!stop.public_text().contains("10.0.0.1"));
        assert!(stop.public_text().contains("CW0026"));
    }

    #[test]
    fn a_cancellation_is_recognised() {
        assert!(Stop::Ended(TerminalError::new_with_code(409, "cancelled")).is_cancelled());
        assert!(!Stop::fault(codes::CONFLICT, "cancelled").is_cancelled());
    }
}
