//! Accounts: made once, found again, with the keys there are, bound where the authority wants it.

use acme::{AccountKey, Class, ExternalAccount, KeyKind, Remedy};
use testbed::{Pebble, PebbleOptions, pebble};

use crate::contract::{Kind, Outcome, or_refused, settings};
use crate::flow::account;

pub(crate) async fn the_directory_is_read(kind: Kind) -> Outcome {
    let directory = kind.at(pebble().await).directory().await.expect("answers");
    assert!(!directory.external_account_required && !directory.renewal_info);
    Outcome::Passed
}

pub(crate) async fn an_account_is_made_once_and_found_again(kind: Kind) -> Outcome {
    let acme = kind.at(pebble().await);
    let (key, first) = account(&acme).await;
    let again = acme.register(&key).await.expect("the same");
    assert_eq!(again.url(), first.url());
    // stored and read back, as after a restart
    let stored = key.to_pem().expect("PEM");
    let read = AccountKey::from_pem(&stored).expect("the key");
    let found = kind.at(pebble().await).find(&read).await.expect("found");
    assert_eq!(found.url(), first.url());
    Outcome::Passed
}

pub(crate) async fn an_unknown_key_has_no_account(kind: Kind) -> Outcome {
    let acme = kind.at(pebble().await);
    let key = AccountKey::generate(acme.key_kind()).expect("a key");
    let problem = acme.find(&key).await.expect_err("no account");
    assert_eq!(problem.kind, "accountDoesNotExist");
    assert_eq!(
        (problem.class(), problem.remedy()),
        (Class::NotFound, Remedy::Register)
    );
    Outcome::Passed
}

/// The form in which existing installations have stored their key.
pub(crate) async fn an_elliptic_account_key_is_used(kind: Kind) -> Outcome {
    let acme = kind.at(pebble().await);
    let stored = AccountKey::generate(KeyKind::P256).expect("a key");
    let stored = stored.to_pem().expect("PEM");
    assert!(stored.contains("EC PRIVATE KEY"));
    let key = AccountKey::from_pem(&stored).expect("SEC1");
    or_refused!(acme.register(&key).await);
    Outcome::Passed
}

pub(crate) async fn an_rsa_account_key_is_used(kind: Kind) -> Outcome {
    let acme = kind.at(pebble().await);
    let key = AccountKey::generate(KeyKind::Rsa).expect("a key");
    or_refused!(acme.register(&key).await);
    Outcome::Passed
}

pub(crate) async fn an_external_binding_is_sent(kind: Kind) -> Outcome {
    const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let pebble = Pebble::start(PebbleOptions {
        external_accounts: vec![("kid-1".to_owned(), KEY.to_owned())],
        ..PebbleOptions::default()
    });
    let pebble = pebble.await.expect("Pebble");
    let plain = kind.at(&pebble);
    let key = AccountKey::generate(plain.key_kind()).expect("a key");
    let problem = plain.register(&key).await.expect_err("no binding");
    assert_eq!(problem.kind, "externalAccountRequired");
    assert_eq!(problem.remedy(), Remedy::Operator);
    assert!(
        plain
            .directory()
            .await
            .expect("answers")
            .external_account_required
    );

    let mut bound = settings(&pebble);
    bound.external_account = Some(ExternalAccount::new("kid-1", KEY).expect("a key"));
    let acme = or_refused!(kind.open(bound.clone()));
    acme.register(&key).await.expect("bound");
    bound.external_account = Some(ExternalAccount::new("kid-1", "d3Jvbmc").expect("a key"));
    let other = AccountKey::generate(plain.key_kind()).expect("a key");
    let wrong = kind.open(bound).expect("settings").register(&other).await;
    let problem = wrong.expect_err("a wrong key");
    assert!(
        matches!(problem.class(), Class::Unauthorised | Class::BadRequest),
        "{problem}"
    );
    assert!(!problem.to_string().contains("d3Jvbmc"));
    Outcome::Passed
}
