//! Issuance: by both challenges, resumed, repeated, failing.

use acme::{
    AuthorizationStatus, CertificateKey, ChallengeKind, Class, KeyAlgorithm, NewOrder, OrderStatus,
    Remedy, check,
};
use testbed::{Pebble, PebbleOptions, pebble};

use crate::contract::{Kind, Outcome, or_refused};
use crate::flow::{account, finish, host, issue, now_ms, publish, until};

/// A Pebble of a test's own that looks where the shared one does.
async fn own(options: PebbleOptions) -> Pebble {
    let pebble = Pebble::start(PebbleOptions {
        dns: Some(testbed::dns().await.addr()),
        http_port: testbed::http01().await.addr().port(),
        ..options
    });
    pebble.await.expect("Pebble")
}

pub(crate) async fn a_plain_name_is_issued_by_http_01(kind: Kind) -> Outcome {
    let acme = kind.at(pebble().await);
    let (_, account) = account(&acme).await;
    let name = host().await;
    let before = now_ms();
    let (_, _, checked) = issue(&account, ChallengeKind::Http01, std::slice::from_ref(&name)).await;
    assert_eq!(checked.names, [name.as_str()]);
    assert!(
        checked.issuer.contains("Pebble Intermediate CA"),
        "{checked:?}"
    );
    let days = (checked.not_after_ms - before) / 86_400_000;
    assert!((89..=90).contains(&days), "{days}");
    assert!(checked.certificate_id.is_some());
    assert!(
        testbed::http01().await.asked(&name) >= 1,
        "the authority looked"
    );
    Outcome::Passed
}

pub(crate) async fn a_wildcard_and_its_base_are_issued_by_dns_01(kind: Kind) -> Outcome {
    let acme = kind.at(pebble().await);
    let (_, account) = account(&acme).await;
    let base = host().await;
    let names = [format!("*.{base}"), base.clone()];
    let (_, _, checked) = issue(&account, ChallengeKind::Dns01, &names).await;
    let mut has = checked.names.clone();
    has.sort();
    assert_eq!(has, names);
    Outcome::Passed
}

/// What durable steps need: each of them may run in another process, which knows key, account and order only as texts.
pub(crate) async fn an_order_of_another_process_is_gone_on_with(kind: Kind) -> Outcome {
    let acme = kind.at(pebble().await);
    let (key, first) = account(&acme).await;
    let names = [host().await];
    let order = first.new_order(&NewOrder::of(&names)).await;
    let order = order.expect("an order");
    let other = kind.at(pebble().await).account(&key, first.url());
    or_refused!(other.order(&order.url).await);
    finish(&other, &order.url, ChallengeKind::Http01, &names).await;

    let foreign = kind.at(pebble().await);
    let (_, foreign) = account(&foreign).await;
    let problem = foreign.order(&order.url).await.expect_err("not theirs");
    assert!(
        matches!(problem.class(), Class::NotFound | Class::Unauthorised),
        "{problem}"
    );
    let unknown = format!("{}x", order.url);
    let problem = other.order(&unknown).await.expect_err("no such order");
    assert_eq!(problem.remedy(), Remedy::NewOrder, "{problem}");
    Outcome::Passed
}

pub(crate) async fn a_valid_authorisation_needs_nothing(kind: Kind) -> Outcome {
    let pebble = own(PebbleOptions {
        authorization_reuse: 100,
        ..PebbleOptions::default()
    })
    .await;
    let acme = kind.at(&pebble);
    let (_, account) = account(&acme).await;
    let names = [host().await];
    issue(&account, ChallengeKind::Http01, &names).await;
    let asked = testbed::http01().await.asked(&names[0]);
    let order = account.new_order(&NewOrder::of(&names)).await;
    let order = order.expect("an order");
    let all = account.authorizations(&order.url).await.expect("answers");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].status, AuthorizationStatus::Valid);
    finish(&account, &order.url, ChallengeKind::Http01, &names).await;
    assert_eq!(
        testbed::http01().await.asked(&names[0]),
        asked,
        "not proven again"
    );
    assert_eq!(pebble.counts().orders, 2);
    Outcome::Passed
}

pub(crate) async fn every_step_may_be_repeated(kind: Kind) -> Outcome {
    let pebble = own(PebbleOptions::default()).await;
    let acme = kind.at(&pebble);
    let (_, account) = account(&acme).await;
    let names = [host().await];
    let order = account.new_order(&NewOrder::of(&names)).await;
    let url = order.expect("an order").url;
    publish(&account, &url, ChallengeKind::Http01).await;
    for _ in 0..2 {
        let told = account.set_ready(&url, ChallengeKind::Http01).await;
        told.expect("set ready");
    }
    until(&account, &url, &[OrderStatus::Ready]).await;
    account
        .set_ready(&url, ChallengeKind::Http01)
        .await
        .expect("nothing left to tell");
    let key = CertificateKey::generate(KeyAlgorithm::Rsa2048).expect("a key");
    let csr = key.csr(&names).expect("a request");
    account.finalize(&url, &csr).await.expect("finalized");
    let again = account.finalize(&url, &csr).await.expect("finalized again");
    assert!(
        matches!(again.status, OrderStatus::Processing | OrderStatus::Valid),
        "{again:?}"
    );
    until(&account, &url, &[OrderStatus::Valid]).await;
    account
        .finalize(&url, &csr)
        .await
        .expect("finalized thrice");
    let chain = account.certificate(&url).await.expect("a chain");
    assert_eq!(account.certificate(&url).await.expect("the same"), chain);
    check(&chain, key.pem(), &names, now_ms()).expect("a good chain");
    let counts = pebble.counts();
    assert_eq!(
        (counts.orders, counts.finalized, counts.certificates),
        (1, 1, 1)
    );
    Outcome::Passed
}

pub(crate) async fn a_name_that_cannot_be_proven_fails_with_the_reason(kind: Kind) -> Outcome {
    let acme = kind.at(pebble().await);
    let (_, account) = account(&acme).await;
    let names = [host().await];
    let order = account.new_order(&NewOrder::of(&names)).await;
    let url = order.expect("an order").url;
    // nothing is published
    account
        .set_ready(&url, ChallengeKind::Http01)
        .await
        .expect("set ready");
    until(&account, &url, &[OrderStatus::Invalid]).await;
    let all = account.authorizations(&url).await.expect("answers");
    assert_eq!(all[0].status, AuthorizationStatus::Invalid);
    let problem = all[0].problem().expect("a reason");
    assert_eq!(problem.remedy(), Remedy::Slowly, "{problem}");
    assert_eq!(problem.class(), Class::Unauthorised, "{problem}");
    let problem = account.certificate(&url).await.expect_err("none");
    assert!(
        matches!(problem.remedy(), Remedy::Slowly | Remedy::NewOrder),
        "{problem}"
    );
    Outcome::Passed
}

pub(crate) async fn a_forbidden_name_is_refused_at_once(kind: Kind) -> Outcome {
    let pebble = own(PebbleOptions {
        blocked: vec!["forbidden.test".to_owned()],
        ..PebbleOptions::default()
    })
    .await;
    let acme = kind.at(&pebble);
    let (_, account) = account(&acme).await;
    let order = NewOrder::of(["www.forbidden.test"]);
    let problem = account.new_order(&order).await.expect_err("refused");
    assert_eq!(problem.kind, "rejectedIdentifier", "{problem}");
    assert_eq!(problem.remedy(), Remedy::Customer);
    assert_eq!(pebble.counts().orders, 0);
    Outcome::Passed
}

pub(crate) async fn an_order_is_not_finalized_too_early(kind: Kind) -> Outcome {
    let acme = kind.at(pebble().await);
    let (_, account) = account(&acme).await;
    let names = [host().await];
    let order = account.new_order(&NewOrder::of(&names)).await;
    let url = order.expect("an order").url;
    let key = CertificateKey::generate(KeyAlgorithm::P256).expect("a key");
    let csr = key.csr(&names).expect("a request");
    let problem = account.finalize(&url, &csr).await.expect_err("too early");
    assert_eq!(problem.remedy(), Remedy::Look, "{problem}");
    let problem = account.certificate(&url).await.expect_err("too early");
    assert_eq!(problem.remedy(), Remedy::Look, "{problem}");
    Outcome::Passed
}

pub(crate) async fn refused_nonces_are_gone_past(kind: Kind) -> Outcome {
    let pebble = own(PebbleOptions {
        nonce_reject: 30,
        ..PebbleOptions::default()
    })
    .await;
    let acme = kind.at(&pebble);
    let (_, account) = account(&acme).await;
    for _ in 0..3 {
        issue(&account, ChallengeKind::Http01, &[host().await]).await;
    }
    let counts = pebble.counts();
    assert_eq!(
        (counts.orders, counts.finalized, counts.certificates),
        (3, 3, 3)
    );
    Outcome::Passed
}
