//! Series that are shown from the start, as 0: a counter that first appears with an event has no increase that an alert
//! could see.
//!
//! Not for counters whose labels are only known with the event, but for their family: without labels it stays 0.

use metrics::counter;

use crate::metrics::{
    ACME_NONCE_ROUNDS, ACME_NONCES_REFUSED, CERTIFICATES, PANICS, QUOTA_NOTICES, RECONCILED,
    RUN_ITEMS,
};

/// Families with one label: its name, and every value it can have.
const BY_LABEL: [(&str, &str, &[&str]); 3] = [
    (
        RECONCILED,
        "reason",
        &[
            "overdue",
            "invocation gone",
            "never reached the worker",
            "domain without a check",
        ],
    ),
    (QUOTA_NOTICES, "outcome", &["sent", "refused", "later"]),
    (RUN_ITEMS, "kind", &["key-refill", "quota-check"]),
];

/// Answers about certificates: each outcome with its causes.
const ANSWERS: [(&str, &[&str]); 3] = [
    ("success", &["issued", "fresh"]),
    ("pending", &["slow", "rate_limited", "waiting"]),
    (
        "failed",
        &[
            "proof", "outage", "customer", "operator", "bug", "disabled", "too_soon",
        ],
    ),
];

/// Shows them. The recorder must be installed.
pub(crate) fn register() {
    for name in [PANICS, ACME_NONCES_REFUSED, ACME_NONCE_ROUNDS] {
        counter!(name).increment(0);
    }
    for (name, label, values) in BY_LABEL {
        for value in values {
            counter!(name, label => *value).increment(0);
        }
    }
    for (outcome, causes) in ANSWERS {
        for cause in causes {
            counter!(CERTIFICATES, "outcome" => outcome, "cause" => *cause).increment(0);
        }
    }
}
