//! From "taken" to "everybody sees it".

use std::time::Duration;

use route53::{Class, Put};
use testbed::{DnsFailure, DnsServer};

use crate::contract::{Kind, challenge, settings, zone};

pub(crate) async fn a_change_is_pending_until_it_is_in_sync(kind: Kind) {
    let (client, zone) = (kind.client().await, zone().await);
    let put = client.put(&zone, &challenge(&zone), "v").await;
    let change = put.expect("added").change.expect("a change");
    testbed::route53().await.pending(2);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(client.in_sync(&change).await.expect("answers"));
    }
    assert_eq!(seen, [false, false, true]);
}

/// One server answers from Route53's own records, the other lags behind, the third is silent.
pub(crate) async fn every_authoritative_server_must_have_it(kind: Kind) {
    let server = testbed::route53().await;
    let (first, second) = (
        DnsServer::start().await.expect("a port"),
        DnsServer::start().await.expect("a port"),
    );
    first.also(server.source());
    let mut both = settings(server);
    both.authoritative = Some(vec![first.addr(), second.addr()]);
    both.limits.question = Duration::from_millis(500);
    let client = kind.open(both).await;
    let zone = zone().await;
    let name = challenge(&zone);
    let seen = client.visible(&zone, &name, "v").await.expect("asked");
    assert_eq!((seen.with.len(), seen.without.len()), (0, 2), "{seen}");

    let theirs = r#""theirs""#;
    server.upsert(&zone.id, &name, "TXT", 300, &[theirs]).await;
    let put = client.put(&zone, &name, "v").await.expect("added");
    let seen = client.visible(&zone, &name, "v").await.expect("asked");
    assert_eq!(seen.with, [first.addr().to_string()], "{seen}");
    assert_eq!(seen.without, [second.addr().to_string()], "{seen}");
    assert!(!seen.everywhere());
    let other = client.visible(&zone, &name, "theirs").await.expect("asked");
    assert_eq!(
        other.with.len(),
        1,
        "values of others are seen beside ours: {other}"
    );

    second.fail("*", None, DnsFailure::ServFail, None);
    let seen = client.visible(&zone, &name, "v").await.expect("asked");
    assert_eq!(seen.silent.len(), 1, "{seen}");
    assert!(!seen.everywhere());

    second.heal("*");
    second.also(server.source());
    let wait = client.wait_published(&zone, &name, "v", &put, Duration::from_secs(10));
    wait.await.expect("published");
    client.take(&zone, &name, "v").await.expect("taken away");
    let seen = client.visible(&zone, &name, "v").await.expect("asked");
    assert_eq!(seen.with.len(), 0, "{seen}");
}

pub(crate) async fn waiting_has_an_end(kind: Kind) {
    let server = testbed::route53().await;
    let empty = DnsServer::start().await.expect("a port");
    let mut lagging = settings(server);
    lagging.authoritative = Some(vec![empty.addr()]);
    let client = kind.open(lagging).await;
    let zone = zone().await;
    let name = challenge(&zone);
    let put = client.put(&zone, &name, "v").await.expect("added");
    let wait = client.wait_published(&zone, &name, "v", &put, Duration::from_millis(200));
    let error = wait.await.expect_err("never there");
    assert_eq!(error.class, Class::Unavailable);
    let server_name = empty.addr().to_string();
    assert!(error.detail.contains(&server_name), "{error}");

    server.pending(1000);
    let nothing = Put {
        change: put.change.clone(),
    };
    let wait = client.wait_published(&zone, &name, "v", &nothing, Duration::from_millis(200));
    let error = wait.await.expect_err("pending for ever");
    assert!(error.detail.contains("not in sync"), "{error}");
    server.pending(0);
}
