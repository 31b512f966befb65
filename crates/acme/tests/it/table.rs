//! The contract as a table: every test with every backend is passed or refused by design, and the refused ones are
//! exactly those listed here and in `docs/decisions/0001-acme-and-route53-backends.md`.

use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;

use crate::contract::{Kind, Outcome, TESTS};

/// What the production backend refuses.
const INSTANT_REFUSES: &[&str] = &["an_rsa_account_key_is_used"];

/// What the crate acme2 cannot do.
const ACME2_REFUSES: &[&str] = &[
    "an_elliptic_account_key_is_used",
    "an_external_binding_is_sent",
    "an_order_of_another_process_is_gone_on_with",
    "a_rate_limit_says_when_in_its_header",
    "a_renewal_window_is_read",
    "a_certificate_is_replaced_once",
];

fn run(kind: Kind, refuses: &[&str]) {
    testbed::run(async {
        let mut refused = Vec::new();
        let mut failed = Vec::new();
        for (name, test) in TESTS {
            let outcome = AssertUnwindSafe(test(kind)).catch_unwind().await;
            let word = match outcome {
                Ok(Outcome::Passed) => "passed",
                Ok(Outcome::Refused) => {
                    refused.push(*name);
                    "refused by design"
                }
                Err(_) => {
                    failed.push(*name);
                    "FAILED"
                }
            };
            println!("acme contract: {name} × {} = {word}", kind.name());
        }
        assert!(failed.is_empty(), "{}: {failed:?}", kind.name());
        let listed: Vec<&str> = TESTS
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| refuses.contains(name))
            .collect();
        assert_eq!(refused, listed, "refused by {}", kind.name());
        assert_eq!(listed.len(), refuses.len(), "a listed test does not exist");
    });
}

#[test]
fn the_contract_holds_with_instant_acme() {
    run(Kind::Instant, INSTANT_REFUSES);
}

#[cfg(feature = "acme2")]
#[test]
fn the_contract_holds_with_acme2() {
    run(Kind::Acme2, ACME2_REFUSES);
}

/// The document names every refusal, and none that is not one.
#[test]
fn the_decision_lists_what_is_refused() {
    let path = testbed::repository().join("docs/decisions/0001-acme-and-route53-backends.md");
    let text = std::fs::read_to_string(path).expect("the decision is there");
    let known = TESTS.iter().map(|(name, _)| *name);
    for name in known {
        let refused = INSTANT_REFUSES.contains(&name) || ACME2_REFUSES.contains(&name);
        assert_eq!(text.contains(&format!("`{name}`")), refused, "{name}");
    }
}
