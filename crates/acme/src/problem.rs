//! What an authority, or the way to it, had to object, and what follows from it.
//!
//! A problem can be serialised, so that it can be carried as data where only text would survive. It holds no secret:
//! what an authority writes is cut to a length, and no request is repeated in it.
//! Not here: how often to try again; the callers know.

mod kinds;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use kinds::{Class, Operation, Remedy};

const PREFIX: &str = "urn:ietf:params:acme:error:";
/// Longer texts of an authority are cut.
const DETAIL_BYTES: usize = 1000;
/// More subproblems are dropped.
const SUBPROBLEMS: usize = 100;

/// Why a call failed, or an order, or a challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Problem {
    /// What was being done.
    pub operation: Operation,
    /// The type after `urn:ietf:params:acme:error:` (`rateLimited`, `badNonce`, …), any other type as it is, empty when
    /// the answer was no problem document.
    pub kind: String,
    /// The HTTP status; 0 when there was no answer.
    pub status: u16,
    /// The authority's words, or ours.
    pub detail: String,
    /// Not before this instant (Unix milliseconds) should the authority be asked again, where it said so.
    pub retry_after_ms: Option<i64>,
    /// What it holds against single names.
    pub subproblems: Vec<Subproblem>,
    /// Where the problem arose.
    origin: Origin,
}

/// A problem with one of several names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subproblem {
    /// As [`Problem::kind`].
    pub kind: String,
    /// The authority's words.
    pub detail: String,
    /// The name, where it is told.
    pub name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Origin {
    /// An answer of the authority.
    Authority,
    /// No usable answer.
    Way,
    /// Our own settings.
    Settings,
    /// The backend in use cannot do it.
    Backend,
}

impl Problem {
    pub(crate) fn settings(operation: Operation, why: impl Into<String>) -> Self {
        Self::ours(operation, Origin::Settings, why)
    }

    pub(crate) fn unsupported(operation: Operation, why: impl Into<String>) -> Self {
        Self::ours(operation, Origin::Backend, why)
    }

    pub(crate) fn unreachable(operation: Operation, why: impl Into<String>) -> Self {
        Self::ours(operation, Origin::Way, why)
    }

    /// A problem the authority told.
    pub(crate) fn told(
        operation: Operation,
        status: u16,
        kind: Option<&str>,
        detail: Option<&str>,
    ) -> Self {
        let mut problem = Self::ours(operation, Origin::Authority, detail.unwrap_or_default());
        problem.kind = short(kind.unwrap_or_default());
        problem.status = status;
        if problem.kind == "rateLimited" {
            problem.retry_after_ms = crate::date::in_words(&problem.detail);
        }
        problem
    }

    fn ours(operation: Operation, origin: Origin, why: impl Into<String>) -> Self {
        Self {
            operation,
            kind: String::new(),
            status: 0,
            detail: cut(&why.into()),
            retry_after_ms: None,
            subproblems: Vec::new(),
            origin,
        }
    }

    pub(crate) fn with_subproblems(mut self, all: impl IntoIterator<Item = Subproblem>) -> Self {
        self.subproblems = all.into_iter().take(SUBPROBLEMS).collect();
        self
    }

    /// The type with its full name, as in the protocol.
    #[must_use]
    pub fn urn(&self) -> String {
        if self.kind.is_empty() || self.kind.contains(':') {
            self.kind.clone()
        } else {
            format!("{PREFIX}{}", self.kind)
        }
    }

    /// The class, as every adapter has it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.origin {
            Origin::Settings => return Class::Settings,
            Origin::Backend => return Class::Unsupported,
            Origin::Way => return Class::Unavailable,
            Origin::Authority => {}
        }
        match self.kind.as_str() {
            "rateLimited" => Class::RateLimited {
                until_ms: self.retry_after_ms,
            },
            "badNonce" => Class::BadNonce,
            "serverInternal" => Class::Unavailable,
            "accountDoesNotExist" => Class::NotFound,
            "unauthorized"
            | "externalAccountRequired"
            | "userActionRequired"
            | "incorrectResponse"
            | "caa" => Class::Unauthorised,
            "connection" | "dns" | "tls" if self.operation == Operation::Validation => {
                Class::Unauthorised
            }
            _ => match self.status {
                429 => Class::RateLimited {
                    until_ms: self.retry_after_ms,
                },
                401 | 403 => Class::Unauthorised,
                404 | 410 => Class::NotFound,
                408 | 500..=599 => Class::Unavailable,
                _ => Class::BadRequest,
            },
        }
    }

    /// What to do about it. A problem made of several takes the remedy of the type itself, or, where that is
    /// `compound`, the gravest of its parts.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self.origin {
            Origin::Settings | Origin::Backend => return Remedy::Operator,
            Origin::Way => return Remedy::Soon,
            Origin::Authority => {}
        }
        if self.kind == "compound" {
            let parts = self.subproblems.iter();
            return parts
                .map(|part| self.remedy_of(&part.kind))
                .max_by_key(|remedy| gravity(*remedy))
                .unwrap_or(Remedy::Slowly);
        }
        self.remedy_of(&self.kind)
    }

    fn remedy_of(&self, kind: &str) -> Remedy {
        let wait = Remedy::Wait {
            until_ms: self.retry_after_ms,
        };
        match kind {
            "rateLimited" => wait,
            "badNonce" | "serverInternal" => Remedy::Soon,
            "connection" | "dns" | "tls" | "unauthorized" | "incorrectResponse" => Remedy::Slowly,
            "caa" | "rejectedIdentifier" | "unsupportedIdentifier" => Remedy::Customer,
            "accountDoesNotExist" => Remedy::Register,
            "externalAccountRequired"
            | "userActionRequired"
            | "invalidContact"
            | "unsupportedContact"
            | "invalidProfile" => Remedy::Operator,
            "alreadyReplaced" => Remedy::DropReplaces,
            // some say it by the status alone, which RFC 9773 §5 gives no other meaning at an order
            "malformed" if self.status == 409 && self.operation == Operation::NewOrder => {
                Remedy::DropReplaces
            }
            "orderNotReady" => Remedy::Look,
            "malformed" if self.status == 404 => self.gone(),
            "malformed" | "badCSR" | "badPublicKey" | "badSignatureAlgorithm" => Remedy::Bug,
            _ => match self.status {
                429 => wait,
                404 | 410 => self.gone(),
                408 | 500..=599 => Remedy::Soon,
                401 | 403 => Remedy::Operator,
                400..=499 => Remedy::Bug,
                _ => Remedy::Soon,
            },
        }
    }

    /// What an authority does not know any more: an order is made anew, anything else is a fault.
    fn gone(&self) -> Remedy {
        match self.operation {
            Operation::Order
            | Operation::Authorizations
            | Operation::SetReady
            | Operation::Finalize
            | Operation::Certificate => Remedy::NewOrder,
            _ => Remedy::Bug,
        }
    }

    pub(crate) fn is_bad_nonce(&self) -> bool {
        self.kind == "badNonce"
    }
}

impl Subproblem {
    pub(crate) fn new(kind: Option<&str>, detail: Option<&str>, name: Option<String>) -> Self {
        Self {
            kind: short(kind.unwrap_or_default()),
            detail: cut(detail.unwrap_or_default()),
            name,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.origin {
            Origin::Authority => "the certificate authority refused",
            Origin::Way => "the certificate authority gave no usable answer to",
            Origin::Settings => "bad settings for",
            Origin::Backend => "not supported:",
        };
        write!(f, "{who} {}", self.operation.label())?;
        if self.status != 0 {
            write!(f, " with {}", self.status)?;
        }
        if !self.kind.is_empty() {
            write!(f, " ({})", self.kind)?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        for part in &self.subproblems {
            write!(f, "; ")?;
            if let Some(name) = &part.name {
                write!(f, "{name}: ")?;
            }
            write!(f, "{} ({})", part.detail, part.kind)?;
        }
        Ok(())
    }
}

/// Which remedy rules when several names have one each: what keeps us from asking again comes first.
fn gravity(remedy: Remedy) -> u8 {
    match remedy {
        Remedy::Wait { .. } => 9,
        Remedy::Operator => 8,
        Remedy::Customer => 7,
        Remedy::Bug => 6,
        Remedy::Slowly => 5,
        Remedy::Register => 4,
        Remedy::DropReplaces => 3,
        Remedy::NewOrder => 2,
        Remedy::Look => 1,
        Remedy::Soon => 0,
    }
}

/// A type without the prefix all of them share.
fn short(kind: &str) -> String {
    cut(kind.strip_prefix(PREFIX).unwrap_or(kind))
}

/// At most [`DETAIL_BYTES`] bytes, without control characters.
fn cut(text: &str) -> String {
    let mut end = text.len().min(DETAIL_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end]
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
