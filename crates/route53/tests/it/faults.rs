//! Lost answers, other clients, throttling, wrong keys, outages.

use std::time::Duration;

use route53::{Class, Limits};

use crate::contract::{Kind, batches, challenge, settings, there, zone};

pub(crate) async fn a_lost_answer_is_found_again(kind: Kind) {
    let (client, zone) = (kind.client().await, zone().await);
    let name = challenge(&zone);
    let server = testbed::route53().await;
    server.lose_answer_of_change();
    client.put(&zone, &name, "v").await.expect("added");
    assert_eq!(
        there(&zone, &name).await,
        Some((600, vec!["\"v\"".to_owned()]))
    );
    let taken = batches(&zone).await.into_iter().filter(|b| b.taken);
    assert_eq!(taken.count(), 1, "the effect happened once");

    server.lose_answer_of_change();
    client.take(&zone, &name, "v").await.expect("taken away");
    assert_eq!(there(&zone, &name).await, None);
    let taken = batches(&zone).await.into_iter().filter(|b| b.taken);
    assert_eq!(taken.count(), 2);
}

pub(crate) async fn somebody_quicker_is_not_overwritten(kind: Kind) {
    let (client, zone) = (kind.client().await, zone().await);
    let name = challenge(&zone);
    let server = testbed::route53().await;
    server.before_next_change(&zone.id, &name, 300, &["\"theirs\""]);
    client.put(&zone, &name, "ours").await.expect("added");
    let both = vec!["\"ours\"".to_owned(), "\"theirs\"".to_owned()];
    assert_eq!(there(&zone, &name).await, Some((600, both)));
    let refused: Vec<bool> = batches(&zone).await.iter().map(|b| b.taken).collect();
    assert_eq!(refused, [false, true], "refused once, then read again");

    server.before_next_change(
        &zone.id,
        &name,
        600,
        &["\"ours\"", "\"theirs\"", "\"more\""],
    );
    client.take(&zone, &name, "ours").await.expect("taken away");
    let left = vec!["\"more\"".to_owned(), "\"theirs\"".to_owned()];
    assert_eq!(there(&zone, &name).await, Some((600, left)));
}

pub(crate) async fn throttling_is_waited_out(kind: Kind) {
    let (client, zone) = (kind.client().await, zone().await);
    let name = challenge(&zone);
    let server = testbed::route53().await;
    for (status, code) in [
        (400, "Throttling"),
        (400, "PriorRequestNotComplete"),
        (503, "ServiceUnavailable"),
    ] {
        server.refuse(status, code, 2);
        let value = format!("after {code}");
        client.put(&zone, &name, &value).await.expect("in the end");
        assert!(
            client
                .values(&zone, &name)
                .await
                .expect("read")
                .contains(&value)
        );
    }
    let tries = settings(server).limits.tries;
    server.refuse(400, "Throttling", tries);
    let error = client
        .put(&zone, &name, "too much")
        .await
        .expect_err("for ever");
    assert_eq!(
        (error.class, error.code.as_str()),
        (Class::RateLimited, "Throttling")
    );
    // and not a request more than the limit
    client.put(&zone, &name, "later").await.expect("goes on");
}

pub(crate) async fn a_wrong_key_is_told_at_once(kind: Kind) {
    let (client, zone) = (kind.client().await, zone().await);
    let name = challenge(&zone);
    let server = testbed::route53().await;
    for code in [
        "SignatureDoesNotMatch",
        "InvalidClientTokenId",
        "AccessDenied",
    ] {
        server.refuse(403, code, 1);
        let error = client.put(&zone, &name, "v").await.expect_err("refused");
        assert_eq!(
            (error.class, error.code.as_str()),
            (Class::Unauthorised, code)
        );
    }
    assert!(batches(&zone).await.is_empty());
    client
        .put(&zone, &name, "v")
        .await
        .expect("one request each was refused");
}

pub(crate) async fn a_service_that_is_gone_is_an_outage(kind: Kind) {
    let mut gone = settings(testbed::route53().await);
    gone.endpoint = Some("http://127.0.0.1:9".to_owned());
    gone.limits = Limits {
        tries: 2,
        attempt: Duration::from_secs(3),
        ..gone.limits
    };
    let client = kind.open(gone).await;
    let error = client.in_sync("C1").await.expect_err("nobody there");
    assert_eq!(error.class, Class::Unavailable, "{error}");
}

/// Not in the contract: the other backend reads what it is given.
#[test]
fn an_answer_without_end_is_not_read() {
    testbed::run(async {
        for status in [200, 400] {
            let flood = faults::Flood::start(status, "<x>").await.expect("a port");
            let mut settings = settings(testbed::route53().await);
            settings.endpoint = Some(flood.url());
            settings.limits.tries = 1;
            let client = Kind::Aws.open(settings).await;
            let error = client
                .zone_of("z.route53.test")
                .await
                .expect_err("too long");
            assert_ne!(error.class, Class::NotFound, "{error}");
            assert!(error.to_string().len() < 2_000, "{error}");
            assert!(flood.sent() < 32 << 20, "{}", flood.sent());
        }
    });
}
