//! One issuance from order to chain, as the certificate service does it, for tests.

use std::time::Duration;

use acme::{
    Account, AccountKey, Acme, AuthorizationStatus, CertificateKey, ChallengeKind, Checked,
    KeyAlgorithm, NewOrder, Order, OrderStatus, check,
};
use testbed::DnsData;

/// A host name nobody else uses; it leads to the responder.
pub(crate) async fn host() -> String {
    let name = format!("{}.acme.test", ids());
    let address = std::net::Ipv4Addr::LOCALHOST;
    testbed::dns().await.set(&name, [DnsData::A(address)]);
    name
}

fn ids() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("h{}-{number}", std::process::id())
}

/// A new account with a key of the backend's kind.
pub(crate) async fn account(acme: &Acme) -> (AccountKey, Account) {
    let key = AccountKey::generate(acme.key_kind()).expect("a key");
    let account = acme.register(&key).await.expect("an account");
    (key, account)
}

/// Publishes what every pending authorisation asks for.
pub(crate) async fn publish(account: &Account, order: &str, kind: ChallengeKind) {
    for one in account.authorizations(order).await.expect("authorisations") {
        if one.status != AuthorizationStatus::Pending {
            continue;
        }
        let challenge = one.challenge(kind).expect("the kind is offered");
        match kind {
            ChallengeKind::Http01 => {
                let responder = testbed::http01().await;
                responder.set(&challenge.token, &challenge.key_authorization);
            }
            ChallengeKind::Dns01 => {
                let name = format!("_acme-challenge.{}", one.name);
                let value = DnsData::txt(challenge.dns_value.clone());
                testbed::dns().await.add(&name, value);
            }
        }
    }
}

/// Looks until the order is at one of the states.
pub(crate) async fn until(account: &Account, url: &str, states: &[OrderStatus]) -> Order {
    for _ in 0..150 {
        let order = account.order(url).await.expect("the order");
        if states.contains(&order.status) {
            return order;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the order is not at {states:?} in time");
}

/// Everything after the order was made. Chain and key.
pub(crate) async fn finish(
    account: &Account,
    order: &str,
    kind: ChallengeKind,
    names: &[String],
) -> (String, CertificateKey, Checked) {
    publish(account, order, kind).await;
    account.set_ready(order, kind).await.expect("set ready");
    let ready = until(account, order, &[OrderStatus::Ready, OrderStatus::Invalid]).await;
    assert_eq!(ready.status, OrderStatus::Ready, "{ready:?}");
    let key = CertificateKey::generate(KeyAlgorithm::P256).expect("a key");
    let csr = key.csr(names).expect("a request");
    account.finalize(order, &csr).await.expect("finalized");
    let valid = until(account, order, &[OrderStatus::Valid, OrderStatus::Invalid]).await;
    assert_eq!(valid.status, OrderStatus::Valid, "{valid:?}");
    let chain = account.certificate(order).await.expect("a chain");
    let checked = check(&chain, key.pem(), names, now_ms()).expect("a good chain");
    (chain, key, checked)
}

/// Order and everything after.
pub(crate) async fn issue(
    account: &Account,
    kind: ChallengeKind,
    names: &[String],
) -> (String, CertificateKey, Checked) {
    let order = account.new_order(&NewOrder::of(names)).await;
    let order = order.expect("an order");
    finish(account, &order.url, kind, names).await
}

pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    i64::try_from(since.expect("after 1970").as_millis()).expect("before year 292 million")
}
