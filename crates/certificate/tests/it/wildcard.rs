//! Wildcards are proven by a DNS record at Route53, beside the records of others.

use crate::gate::{NEW_ORDER, Refusal};
use crate::world::*;
use faults::http::{Script, ScriptedHttp};
use route53::{Credentials, Limits, Route53, Settings};
use serde_json::json;
use std::time::Duration;
use testbed::DnsKind;

/// What one test tells the server of the process to do next would happen to another.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn provider(endpoint: &str) -> Route53 {
    let settings = Settings {
        credentials: Some(Credentials::new("test", "test")),
        endpoint: Some(endpoint.to_owned()),
        authoritative: Some(vec![testbed::dns().await.addr()]),
        limits: Limits {
            pause: Duration::from_millis(20),
            question: Duration::from_secs(5),
            ..Limits::default()
        },
        ..Settings::default()
    };
    Route53::new(settings).await.expect("a provider")
}

#[test]
fn crt_4_a_wildcard_is_proven_beside_foreign_values() {
    testbed::scenario!("CRT-4");
    testbed::run(async {
        let _alone = ALONE.lock().await;
        let server = testbed::route53().await;
        let route53 = provider(&server.url()).await;
        let world = World::own(|deps| deps.route53 = Some(route53)).await;
        let base = host();
        let zone = server.create_zone(&base, false).await;
        let name = format!("_acme-challenge.{base}");
        let foreign = "\"somebody-elses\"";
        server.upsert(&zone, &name, "TXT", 300, &[foreign]).await;
        server.pending(2);
        let domain = world.row(&format!("*.{base}"), "verified").await;
        world.challenge(&domain, "waiting", 0).await;

        let answer = world.settled(&domain).await;

        assert_eq!(answer["status"], "success");
        let batches = server.batches();
        let of_zone: Vec<_> = batches
            .iter()
            .filter(|b| b.zone == zone && b.taken)
            .collect();
        let added = of_zone[0].changes.last().expect("a change");
        assert_eq!(
            (&*added.kind, added.ttl, added.values.len()),
            ("TXT", 600, 2)
        );
        assert!(added.values.contains(&foreign.to_owned()), "{added:?}");
        assert!(
            added
                .values
                .iter()
                .all(|v| v.starts_with('"') && v.ends_with('"'))
        );
        // that the digest is right is the authority's word: it issued
        let row = world
            .certificate(&domain.host)
            .await
            .expect("a certificate");
        let said = acme::read(&row.certificate).expect("readable");
        assert_eq!(said.names, std::slice::from_ref(&domain.host));
        // while the change was pending nobody was told to look, and the authoritative servers were asked after it
        assert!(world.steps(&domain.host, "record seen").await >= 3);
        assert!(testbed::dns().await.queries(&name, Some(DnsKind::Txt)) >= 2);
        let left = server.values(&zone, &name, "TXT").await.expect("a set");
        assert_eq!(left.1, [foreign.to_owned()]);
        assert_eq!(world.challenge_row(&domain).await.status, "verified");
    });
}

#[test]
fn crt_9_wrong_credentials_end_the_attempt_at_once() {
    testbed::scenario!("CRT-9");
    testbed::run(async {
        let refusal = "<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error><Type>Sender</Type>\
            <Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match.</Message></Error>\
            <RequestId>r</RequestId></ErrorResponse>";
        let aws = ScriptedHttp::start(Script::new().answer(403, refusal))
            .await
            .expect("a port");
        let route53 = provider(&aws.url()).await;
        let world = World::own(|deps| deps.route53 = Some(route53)).await;
        let domain = world.row(&format!("*.{}", host()), "verified").await;
        world.challenge(&domain, "waiting", 0).await;

        let answer = world.process(&domain).await.expect("an answer");

        assert_eq!(answer, json!({ "status": "failed" }));
        assert_eq!(aws.received().len(), 1, "{:?}", aws.received());
        assert_eq!(world.challenge_row(&domain).await.status, "failed");
        assert!(
            world
                .told(&domain)
                .await
                .unwrap_or_default()
                .contains("SignatureDoesNotMatch")
        );

        // a certificate that is there stays as it is
        let held = world.row(&format!("*.{}", host()), "verified").await;
        world.challenge(&held, "waiting", 0).await;
        world
            .store(&held, &ids::random(ids::Prefix::CERTIFICATE), 90, 20)
            .await;
        let before = world.certificate(&held.host).await;
        assert_eq!(
            world.process(&held).await.expect("an answer")["status"],
            "failed"
        );
        assert_eq!(world.certificate(&held.host).await, before);
        assert_eq!(aws.received().len(), 2);
    });
}

#[test]
fn crt_14_a_customers_base_name_does_not_shadow_the_wildcard() {
    testbed::scenario!("CRT-14");
    testbed::run(async {
        let _alone = ALONE.lock().await;
        let server = testbed::route53().await;
        let route53 = provider(&server.url()).await;
        let world = World::own(|deps| deps.route53 = Some(route53)).await;
        let base = host();
        server.create_zone(&base, false).await;
        let customer = world.row(&base, "verified").await;
        world.challenge(&customer, "waiting", 0).await;
        let wildcard = world.row(&format!("*.{base}"), "verified").await;
        world.challenge(&wildcard, "waiting", 0).await;

        assert_eq!(world.settled(&wildcard).await["status"], "success");

        let row = world.challenge_row(&wildcard).await;
        assert_eq!((&*row.status, row.token.is_empty()), ("verified", false));
        let left = world.challenge_row(&customer).await;
        assert_eq!((&*left.status, &*left.token), ("waiting", ""));
    });
}

#[test]
fn the_record_is_taken_away_when_the_authority_refuses() {
    testbed::run(async {
        let _alone = ALONE.lock().await;
        let server = testbed::route53().await;
        let route53 = provider(&server.url()).await;
        let world = World::own(|deps| deps.route53 = Some(route53)).await;
        let base = host();
        let zone = server.create_zone(&base, false).await;
        let wildcard = world.row(&format!("*.{base}"), "verified").await;
        world.challenge(&wildcard, "waiting", 0).await;
        world.gate.refuse(Refusal {
            path: "/chalZ/",
            about: String::new(),
            status: 403,
            kind: "unauthorized",
            retry_after: None,
            times: 1,
        });
        assert_eq!(world.settled(&wildcard).await["status"], "failed");
        assert_eq!(world.gate.seen(NEW_ORDER, &base).len(), 1);
        let left = server
            .values(&zone, &format!("_acme-challenge.{base}"), "TXT")
            .await;
        assert_eq!(left, None);
        assert_eq!(world.steps(&wildcard.host, "withdraw record").await, 1);
    });
}
