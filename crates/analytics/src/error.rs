//! What can go wrong with a question to ClickHouse, and what the caller should do about it.
//!
//! No variant holds a password.

use std::time::Duration;

use clickhouse::error::Error;

/// Longest text of the server that is passed on, in characters.
const LONGEST: usize = 400;

/// What a caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The same statement fails again: give up and say why.
    BadRequest,
    /// The table or database is not there: an operator must make it; retry slowly.
    NotFound,
    /// Login or rights do not suffice: an operator must act; retry slowly.
    Unauthorised,
    /// Too many queries; retry with back-off.
    RateLimited,
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
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A question that was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AnalyticsError {
    /// The address cannot be used, for example because the system has no certificate authorities.
    #[error("settings of ClickHouse: {0}")]
    Settings(String),
    /// The server answered with an error.
    #[error("ClickHouse refused {operation}: {message}")]
    Answered {
        /// What was asked.
        operation: &'static str,
        /// ClickHouse's number for it; 0 when what answered is no ClickHouse.
        code: u32,
        /// The server's text, shortened, withheld when it repeats a secret of the statement.
        message: String,
    },
    /// No answer in time.
    #[error("ClickHouse did not answer {operation} within {after:?}")]
    TooLate {
        /// What was asked.
        operation: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The connection could not be made or broke.
    #[error("no connection to ClickHouse for {operation}: {why}")]
    Connection {
        /// What was asked.
        operation: &'static str,
        /// The innermost cause.
        why: String,
    },
    /// An answer of another form than asked for, or a larger one than this client reads.
    #[error("ClickHouse's answer to {operation} is not usable: {why}")]
    BadAnswer {
        /// What was asked.
        operation: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl AnalyticsError {
    /// What the caller does about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Settings(_) => Class::BadRequest,
            Self::TooLate { .. } | Self::Connection { .. } | Self::BadAnswer { .. } => {
                Class::Unavailable
            }
            Self::Answered { code, .. } => class_of(*code),
        }
    }

    /// ClickHouse's number for it, where ClickHouse answered.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Answered { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The same, without a text that repeats a secret, and no longer than is worth showing. Half of a secret is one too, so a
    /// text is cut here only.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        match &mut self {
            Self::Answered { message: text, .. } | Self::BadAnswer { why: text, .. } => {
                *text = shortened(text, secret);
            }
            Self::Settings(_) | Self::TooLate { .. } | Self::Connection { .. } => {}
        }
        self
    }

    /// From the library's error; `secret` is a text of the statement that must not be repeated.
    pub(crate) fn of(operation: &'static str, error: Error, secret: &str) -> Self {
        match error {
            Error::BadResponse(text) => Self::Answered {
                operation,
                code: code_in(&text),
                message: told(&text, secret),
            },
            Error::Network(_) | Error::TimedOut => Self::Connection {
                operation,
                why: innermost(&error),
            },
            other => Self::BadAnswer {
                operation,
                why: told(&other.to_string(), secret),
            },
        }
    }
}

/// Numbers are ClickHouse's, stable over versions.
fn class_of(code: u32) -> Class {
    match code {
        // syntax, arguments, types, unknown names, constraints of settings
        36 | 46 | 47 | 53 | 62 | 70 | 115 | 206 | 452 | 456 | 457 => Class::BadRequest,
        // table, database
        60 | 81 => Class::NotFound,
        // user, password, access denied, not granted, read-only
        164 | 192 | 193 | 194 | 497 | 516 => Class::Unauthorised,
        // quota, too many queries
        201 | 202 | 439 => Class::RateLimited,
        _ => Class::Unavailable,
    }
}

/// `Code: 516. DB::Exception: …` → 516.
fn code_in(text: &str) -> u32 {
    let Some((_, rest)) = text.split_once("Code: ") else {
        return 0;
    };
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..digits].parse().unwrap_or(0)
}

fn told(text: &str, secret: &str) -> String {
    if !secret.is_empty() && text.contains(secret) {
        return "its text repeats a secret and is withheld".to_owned();
    }
    text.to_owned()
}

fn shortened(text: &str, secret: &str) -> String {
    let text = told(text, secret);
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(LONGEST).collect()
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(text: &str) -> AnalyticsError {
        let error = Error::BadResponse(text.to_owned());
        AnalyticsError::of("test", error, "hunter2").without("pass1word")
    }

    #[test]
    fn the_servers_numbers_fall_into_classes() {
        for (text, code, class) in [
            (
                "Code: 516. DB::Exception: x: Authentication failed",
                516,
                Class::Unauthorised,
            ),
            (
                "Code: 497. DB::Exception: Not enough privileges",
                497,
                Class::Unauthorised,
            ),
            (
                "Code: 62. DB::Exception: Syntax error",
                62,
                Class::BadRequest,
            ),
            ("Code: 60. DB::Exception: Table", 60, Class::NotFound),
            ("Code: 201. DB::Exception: Quota", 201, Class::RateLimited),
            (
                "Code: 241. DB::Exception: Memory limit",
                241,
                Class::Unavailable,
            ),
            ("502 Bad Gateway", 0, Class::Unavailable),
        ] {
            let error = answered(text);
            assert_eq!((error.code(), error.class()), (Some(code), class), "{text}");
        }
    }

    #[test]
    fn a_text_that_repeats_a_secret_is_withheld_and_a_long_one_cut() {
        let error = answered("Code: 62. DB::Exception: Syntax error near 'hunter2'");
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
        assert_eq!(error.code(), Some(62));
        let echo = answered(&format!("Code: 516. {}pass1word", "x".repeat(385)));
        assert!(!echo.to_string().contains("pass"), "{echo}");
        let long = answered(&format!("Code: 62. {}", "x".repeat(10_000)));
        assert!(long.to_string().len() < 500);
    }
}
