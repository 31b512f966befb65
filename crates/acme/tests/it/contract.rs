//! The contract: what every backend must do, or refuse with a clear error.

use std::future::Future;
use std::pin::Pin;

use acme::{Acme, Class, Problem, Settings};
use testbed::Pebble;

use crate::{accounts, issue, limits, renewal};

/// A backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Instant,
    #[cfg(feature = "acme2")]
    Acme2,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Instant => "instant-acme",
            #[cfg(feature = "acme2")]
            Self::Acme2 => "acme2",
        }
    }

    pub(crate) fn open(self, settings: Settings) -> Result<Acme, Problem> {
        match self {
            Self::Instant => Acme::new(settings),
            #[cfg(feature = "acme2")]
            Self::Acme2 => Acme::with_acme2(settings),
        }
    }

    /// A client of a Pebble.
    pub(crate) fn at(self, pebble: &Pebble) -> Acme {
        self.open(settings(pebble)).expect("good settings")
    }
}

pub(crate) fn settings(pebble: &Pebble) -> Settings {
    let mut settings = Settings::of(&pebble.directory).with_email("acme@example.com");
    settings.ca_bundle = Some(pebble.ca_bundle().into());
    settings
}

/// How a test ended; anything else is a panic.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Refused,
}

/// The value, or `Refused` when the backend says that it cannot. Any other problem is a failure.
macro_rules! or_refused {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(problem) if problem.class() == acme::Class::Unsupported => {
                return $crate::contract::Outcome::Refused;
            }
            Err(problem) => panic!("{problem}"),
        }
    };
}
pub(crate) use or_refused;

pub(crate) type Test = fn(Kind) -> Pin<Box<dyn Future<Output = Outcome>>>;

macro_rules! tests {
    ($($module:ident::$name:ident),+ $(,)?) => {
        &[$((stringify!($name), |kind| Box::pin($module::$name(kind)))),+]
    };
}

pub(crate) const TESTS: &[(&str, Test)] = tests![
    accounts::the_directory_is_read,
    accounts::an_account_is_made_once_and_found_again,
    accounts::an_unknown_key_has_no_account,
    accounts::an_elliptic_account_key_is_used,
    accounts::an_rsa_account_key_is_used,
    accounts::an_external_binding_is_sent,
    issue::a_plain_name_is_issued_by_http_01,
    issue::a_wildcard_and_its_base_are_issued_by_dns_01,
    issue::an_order_of_another_process_is_gone_on_with,
    issue::a_valid_authorisation_needs_nothing,
    issue::every_step_may_be_repeated,
    issue::a_name_that_cannot_be_proven_fails_with_the_reason,
    issue::a_forbidden_name_is_refused_at_once,
    issue::an_order_is_not_finalized_too_early,
    issue::refused_nonces_are_gone_past,
    limits::a_rate_limit_says_when_in_its_header,
    limits::a_rate_limit_says_when_in_its_words,
    limits::a_page_that_is_no_problem_document_is_an_outage,
    limits::an_authority_that_is_gone_is_an_outage,
    renewal::a_renewal_window_is_read,
    renewal::a_certificate_is_replaced_once,
];

/// The class of an error that must be one.
pub(crate) fn class_of<T: std::fmt::Debug>(result: Result<T, Problem>) -> Class {
    result.expect_err("a problem").class()
}
