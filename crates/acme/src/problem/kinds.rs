//! What was being done, the class of a problem, and what follows from it: the words of `Problem`.
//!
//! Not here: which problem has which; see `problem`.

use serde::{Deserialize, Serialize};

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Reading our own settings and keys.
    Settings,
    /// Reading the directory.
    Directory,
    /// Creating or finding an account.
    Account,
    /// Making an order.
    NewOrder,
    /// Looking at an order.
    Order,
    /// Looking at an order's authorisations.
    Authorizations,
    /// Telling that a challenge is ready.
    SetReady,
    /// The authority's own look at a challenge.
    Validation,
    /// Sending the certificate request.
    Finalize,
    /// Fetching the chain.
    Certificate,
    /// Asking for the renewal window.
    RenewalInfo,
}

impl Operation {
    /// Its name, as in the metric label `operation`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Directory => "directory",
            Self::Account => "account",
            Self::NewOrder => "new_order",
            Self::Order => "order",
            Self::Authorizations => "authorizations",
            Self::SetReady => "set_ready",
            Self::Validation => "validation",
            Self::Finalize => "finalize",
            Self::Certificate => "certificate",
            Self::RenewalInfo => "renewal_info",
        }
    }
}

/// The adapter's classes of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The request is wrong and will stay so.
    BadRequest,
    /// What was asked for does not exist.
    NotFound,
    /// The account, its key or its binding is not accepted, or the name could not be proven.
    Unauthorised,
    /// Too many requests; `until_ms` as the authority said, Unix milliseconds.
    RateLimited {
        /// Not before.
        until_ms: Option<i64>,
    },
    /// The authority cannot serve now, or cannot be reached.
    Unavailable,
    /// The authority refused the nonce, over and over.
    BadNonce,
    /// The settings are wrong.
    Settings,
    /// The chosen backend, or this authority, cannot do it.
    Unsupported,
}

impl Class {
    /// The value of the metric label `outcome`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::Unauthorised => "unauthorised",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::BadNonce => "bad_nonce",
            Self::Settings => "settings",
            Self::Unsupported => "unsupported",
        }
    }
}

/// What to do about a problem of an issuance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Ask nothing of this authority before the instant (Unix milliseconds), or for a while of one's own choosing.
    Wait {
        /// Not before, where the authority said so.
        until_ms: Option<i64>,
    },
    /// Try again soon: the authority or the way to it failed.
    Soon,
    /// The name could not be proven: try again after a quarter of an hour, then after hours.
    Slowly,
    /// The customer must change something (CAA, the name itself): try again daily.
    Customer,
    /// The operator must change something (terms, binding, settings): alert, keep what there is, try again daily.
    Operator,
    /// The account is unknown to the authority: register it again, once.
    Register,
    /// The certificate has been replaced already: order without `replaces`.
    DropReplaces,
    /// Too early: look at the order again.
    Look,
    /// The order is gone or spoilt: make another one.
    NewOrder,
    /// A fault of ours: trying again does not help.
    Bug,
}
