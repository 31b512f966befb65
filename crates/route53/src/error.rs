//! What Route53, or the way to it, had to object, and its class. No secret is in any of it.

use std::fmt;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reading our own settings.
    Settings,
    /// Looking for a zone.
    FindZone,
    /// Reading a set.
    Read,
    /// Adding a value.
    Put,
    /// Taking a value away.
    Take,
    /// Looking at a change.
    Look,
    /// Asking the authoritative servers.
    Ask,
}

impl Operation {
    /// Its name, as in the metric label `operation`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::FindZone => "find_zone",
            Self::Read => "read",
            Self::Put => "put",
            Self::Take => "take",
            Self::Look => "look",
            Self::Ask => "ask",
        }
    }
}

/// The adapter's classes of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The request is wrong and will stay so.
    BadRequest,
    /// No such zone, or no such change.
    NotFound,
    /// The key is unknown or wrong, or may not do this: an operator must act.
    Unauthorised,
    /// Too many requests, also after pauses.
    RateLimited,
    /// The set is not as it was when it was read.
    Conflict,
    /// The service cannot serve now, or cannot be reached.
    Unavailable,
    /// The settings are wrong.
    Settings,
}

impl Class {
    /// The value of the metric label `outcome`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::Unauthorised => "unauthorised",
            Self::RateLimited => "rate_limited",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Settings => "settings",
        }
    }
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Route53Error {
    /// What was being done.
    pub operation: Operation,
    /// What to do about it.
    pub class: Class,
    /// The service's own code (`NoSuchHostedZone`, …), empty when it gave none.
    pub code: String,
    /// In words.
    pub detail: String,
}

impl Route53Error {
    pub(crate) fn ours(operation: Operation, class: Class, detail: impl Into<String>) -> Self {
        Self {
            operation,
            class,
            code: String::new(),
            detail: detail.into(),
        }
    }

    /// What the service answered: its code, the HTTP status, its words.
    pub(crate) fn told(code: &str, status: u16, detail: &str) -> Self {
        let mut detail = detail.to_owned();
        detail.truncate(detail.floor_char_boundary(500));
        Self {
            operation: Operation::Settings,
            class: classify(code, status),
            code: code.to_owned(),
            detail,
        }
    }

    /// What stands in the body of a refusal that the library could not read. The service refuses a batch of changes in a
    /// document of its own now and then, without a code.
    pub(crate) fn in_body(status: u16, body: &str) -> Self {
        let code = match between(body, "<Code>", "</Code>") {
            Some(code) => code,
            None if body.contains("<InvalidChangeBatch") => "InvalidChangeBatch",
            None => "",
        };
        let words = between(body, "<Message>", "</Message>");
        Self::told(code, status, words.unwrap_or("no words"))
    }

    /// The same at another operation.
    pub(crate) fn at(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self
    }

    /// Whether trying again after a moment may help.
    pub(crate) fn retry_now(&self) -> bool {
        matches!(self.class, Class::RateLimited | Class::Unavailable)
    }
}

impl fmt::Display for Route53Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route53 {}: {}", self.operation.label(), self.detail)?;
        if self.code.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.code)
        }
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let from = text.find(start)? + start.len();
    let to = text[from..].find(end)? + from;
    Some(&text[from..to])
}

/// The class of the service's code; the status decides where the code is not known.
fn classify(code: &str, status: u16) -> Class {
    match code {
        "Throttling"
        | "ThrottlingException"
        | "PriorRequestNotComplete"
        | "SlowDown"
        | "TooManyRequestsException"
        | "RequestLimitExceeded" => Class::RateLimited,
        "SignatureDoesNotMatch"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "NotAuthorized"
        | "OptInRequired"
        | "InvalidAccessKeyId"
        | "AuthFailure" => Class::Unauthorised,
        "NoSuchHostedZone" | "NoSuchChange" => Class::NotFound,
        "InvalidChangeBatch" => Class::Conflict,
        "InternalError" | "InternalFailure" | "ServiceUnavailable" | "RequestTimeout"
        | "RequestExpired" => Class::Unavailable,
        _ => match status {
            429 => Class::RateLimited,
            401 | 403 => Class::Unauthorised,
            404 => Class::NotFound,
            408 | 500..=599 => Class::Unavailable,
            _ => Class::BadRequest,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_class_that_says_what_to_do() {
        let table = [
            ("Throttling", 400, Class::RateLimited),
            ("PriorRequestNotComplete", 400, Class::RateLimited),
            ("SignatureDoesNotMatch", 403, Class::Unauthorised),
            ("InvalidClientTokenId", 403, Class::Unauthorised),
            ("AccessDenied", 403, Class::Unauthorised),
            ("NoSuchHostedZone", 404, Class::NotFound),
            ("InvalidChangeBatch", 400, Class::Conflict),
            ("InvalidInput", 400, Class::BadRequest),
            ("ServiceUnavailable", 503, Class::Unavailable),
            ("", 502, Class::Unavailable),
            ("", 429, Class::RateLimited),
            ("", 400, Class::BadRequest),
        ];
        for (code, status, class) in table {
            assert_eq!(Route53Error::told(code, status, "").class, class, "{code}");
        }
    }

    #[test]
    fn a_batch_refused_in_its_own_document_is_a_conflict() {
        let own = "<?xml version=\"1.0\"?><InvalidChangeBatch xmlns=\"x\"><Messages><Message>it already exists</Message></Messages></InvalidChangeBatch>";
        let error = Route53Error::in_body(400, own);
        assert_eq!(
            (error.class, &*error.detail),
            (Class::Conflict, "it already exists")
        );
        let usual = "<ErrorResponse><Error><Code>Throttling</Code><Message>slow</Message></Error></ErrorResponse>";
        assert_eq!(Route53Error::in_body(400, usual).class, Class::RateLimited);
        assert_eq!(
            Route53Error::in_body(502, "<html>").class,
            Class::Unavailable
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (code, again) in [
            ("Throttling", true),
            ("ServiceUnavailable", true),
            ("SignatureDoesNotMatch", false),
            ("InvalidChangeBatch", false),
        ] {
            assert_eq!(
                Route53Error::told(code, 400, "").retry_now(),
                again,
                "{code}"
            );
        }
    }
}
