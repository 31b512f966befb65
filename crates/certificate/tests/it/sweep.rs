//! The sweep: what it starts, in which order, what it says of it, and that nothing is ever dropped from it but what is gone.

use crate::gate::{Gate, NEW_ORDER};
use crate::world::*;
use certificate_client::SERVICE;
use faults::http::{Script, ScriptedHttp};
use serde_json::{Value, json};
use std::time::Duration;
use testbed::{DnsData, DnsFailure, Pebble, PebbleOptions};

const DAY: i64 = 86_400_000;

/// Host names that the last sweep asked certificates for, in its order.
async fn started(world: &World) -> Vec<String> {
    let sql = format!(
        "SELECT id FROM sys_invocation WHERE target_service_name = '{SERVICE}' AND target_handler_name = 'RenewExpiringCertificates' ORDER BY created_at DESC LIMIT 1"
    );
    let admin = world.restate().admin();
    let rows = admin.query(&sql).await.expect("invocations");
    let id = rows[0]["id"].as_str().expect("an id").to_owned();
    let sql = format!(
        "SELECT entry_json FROM sys_journal WHERE id = '{id}' AND entry_type = 'Command: OneWayCall' ORDER BY index"
    );
    let rows = admin.query(&sql).await.expect("the journal");
    rows.iter().map(host_in).collect()
}

/// The host name in an entry of the journal.
fn host_in(row: &Value) -> String {
    let text = row["entry_json"].to_string();
    let end = text
        .find(".crt.test")
        .unwrap_or_else(|| panic!("no host in {text}"));
    let begin = text[..end]
        .rfind(|c: char| !c.is_ascii_alphanumeric())
        .map_or(0, |at| at + 1);
    format!("{}.crt.test", &text[begin..end])
}

/// A domain with a challenge in this state, so many days before its end, whose row was last written so long ago.
async fn aged(world: &World, status: &str, days: i64, hours_ago: i64) -> Domain {
    let domain = world.row(&host(), "verified").await;
    let expires = if status == "verified" {
        mysql::now_ms() + days * DAY
    } else {
        0
    };
    world.challenge(&domain, status, expires).await;
    let written = (mysql::now_ms() - hours_ago * 3_600_000).to_string();
    let sql = "UPDATE acme_challenges SET updated_at = ? WHERE domain_id = ?";
    world.execute(sql, [&written, &domain.id]).await;
    domain
}

#[test]
fn crt_17_the_sweep_starts_what_is_due_in_the_order_of_creation() {
    testbed::scenario!("CRT-17");
    testbed::run(async {
        let world = World::own(|deps| deps.acme = None).await;
        let soon = aged(&world, "verified", 29, 0).await;
        let _pending = aged(&world, "pending", 0, 0).await;
        let waiting = aged(&world, "waiting", 0, 0).await;
        let _failed = aged(&world, "failed", 0, 0).await;
        let _later = aged(&world, "verified", 31, 0).await;
        let unverified = world.row(&host(), "pending").await;
        world.challenge(&unverified, "waiting", 0).await;
        let older = aged(&world, "waiting", 0, 0).await;
        let sql = "UPDATE custom_domains SET created_at = 5 WHERE id = ?";
        world.execute(sql, [&older.id]).await;

        let answer = world.sweep(&json!({})).await;

        assert_eq!(
            started(&world).await,
            [older.host, soon.host.clone(), waiting.host]
        );
        assert_eq!(answer["renewalsTriggered"], 3);

        // asked for wider, more is due, once
        let wide = world.sweep(&json!({ "daysBeforeExpiry": 40 })).await;
        assert!(wide["renewalsTriggered"].as_i64() >= Some(4), "{wide}");

        // a domain that is gone or not verified any more stops being renewed
        world
            .execute("DELETE FROM custom_domains WHERE id = ?", [&soon.id])
            .await;
        world.sweep(&json!({})).await;
        assert!(!started(&world).await.contains(&soon.host));
        assert!(world.renewal(&soon.host).await.is_none());
    });
}

#[test]
fn crt_18_the_sweep_counts_what_it_started() {
    testbed::scenario!("CRT-18");
    testbed::run(async {
        let world = World::own(|deps| deps.acme = None).await;
        for _ in 0..3 {
            aged(&world, "waiting", 0, 0).await;
        }
        let answer = world.sweep(&json!({})).await;
        assert_eq!(
            answer,
            json!({ "certificatesChecked": 3, "renewalsTriggered": 3 })
        );
        assert_eq!(started(&world).await.len(), 3);
        let nothing = World::own(|deps| deps.acme = None).await;
        assert_eq!(nothing.sweep(&json!({})).await, json!({}));
    });
}

#[test]
fn crt_12_a_stuck_challenge_is_taken_up_again() {
    testbed::scenario!("CRT-12");
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let stuck = aged(&world, "pending", 0, 2).await;
        let young = aged(&world, "pending", 0, 0).await;
        testbed::dns()
            .await
            .add(&stuck.host, DnsData::A([127, 0, 0, 1].into()));
        world.sweep(&json!({})).await;
        assert_eq!(started(&world).await, std::slice::from_ref(&stuck.host));
        testbed::eventually(SOON, async || {
            world.certificate(&stuck.host).await.is_some()
        })
        .await;
        assert_eq!(world.challenge_row(&young).await.status, "pending");
    });
}

#[test]
fn crt_19_the_heartbeat_follows_a_sweep_and_cannot_hold_it_up() {
    testbed::scenario!("CRT-19");
    testbed::run(async {
        for (status, calls) in [(200, 1), (500, 3)] {
            let monitor = ScriptedHttp::start(Script::new().answer(status, "")).await;
            let monitor = monitor.expect("a port");
            let url = format!("{}/beat", monitor.url());
            let world = World::own(|deps| {
                deps.acme = None;
                deps.heartbeat = notify::Heartbeat::new(&url).expect("a URL");
            })
            .await;
            aged(&world, "waiting", 0, 0).await;
            let answer = world.sweep(&json!({})).await;
            assert_eq!(answer["renewalsTriggered"], 1);
            let received = monitor.received();
            assert_eq!(received.len(), calls, "{received:?}");
            assert!(received.iter().all(|r| r.line == "GET /beat"));
            testbed::assert_quiet::<&str>(&[]).await;
        }
    });
}

#[test]
fn crt_21_a_short_lived_certificate_is_not_renewed_on_its_first_day() {
    testbed::scenario!("CRT-21");
    testbed::run(async {
        let pebble = Pebble::start(PebbleOptions {
            dns: Some(testbed::dns().await.addr()),
            http_port: testbed::http01().await.addr().port(),
            validity: Duration::from_secs(6 * 86_400),
            ..PebbleOptions::default()
        })
        .await
        .expect("Pebble");
        let gate = Gate::start(&pebble.directory, pebble.ca_bundle()).await;
        let world = World::behind(gate, |_| {}).await;
        let domain = world.domain(&host()).await;
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "success"
        );
        assert_eq!(world.sweep(&json!({})).await, json!({}));
        // also when our own table was lost: a needless look, but no order
        world
            .execute(
                "DELETE FROM ctrl_worker_renewals WHERE hostname = ?",
                [&domain.host],
            )
            .await;
        world.sweep(&json!({})).await;
        testbed::eventually(SOON, async || {
            world
                .renewal(&domain.host)
                .await
                .is_some_and(|r| r.reason == "lifetime")
        })
        .await;
        assert_eq!(world.gate.seen(NEW_ORDER, &domain.host).len(), 1);
        let left = world
            .renewal(&domain.host)
            .await
            .expect("a renewal")
            .renew_at
            - mysql::now_ms();
        assert!((3 * DAY..5 * DAY).contains(&left), "{left}");
    });
}

#[test]
fn crt_11_a_failed_renewal_is_tried_again_until_it_succeeds() {
    testbed::scenario!("CRT-11");
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let domain = world.domain(&host()).await;
        let id = ids::random(ids::Prefix::CERTIFICATE);
        world.store(&domain, &id, 90, 20).await;
        let before = world
            .certificate(&domain.host)
            .await
            .expect("a certificate");
        let dns = testbed::dns().await;
        dns.fail(&domain.host, None, DnsFailure::NxDomain, None);

        world.sweep(&json!({})).await;
        let failed = testbed::eventually(SOON, async || {
            world
                .renewal(&domain.host)
                .await
                .filter(|r| r.reason == "proof")
        })
        .await;
        assert_eq!(failed.failures, 1);
        // the certificate that is still good is served on, and its challenge is not called failed
        assert_eq!(
            world.certificate(&domain.host).await.as_ref(),
            Some(&before)
        );
        assert_eq!(world.challenge_row(&domain).await.status, "verified");
        assert!(
            world
                .told(&domain)
                .await
                .unwrap_or_default()
                .starts_with("Certificate: ")
        );

        // not before its pause
        let orders = world.gate.orders(&domain.host);
        if failed.renew_at > mysql::now_ms() + 300 {
            world.sweep(&json!({})).await;
            assert!(!started(&world).await.contains(&domain.host));
        }
        dns.heal(&domain.host);
        testbed::eventually(SOON, async || {
            world.sweep(&json!({})).await;
            let row = world
                .certificate(&domain.host)
                .await
                .expect("a certificate");
            (row.certificate != before.certificate).then_some(row)
        })
        .await;
        assert_eq!(world.gate.orders(&domain.host), orders + 1);
        let row = world
            .certificate(&domain.host)
            .await
            .expect("a certificate");
        assert_eq!(row.id, id);
        let renewal = world.renewal(&domain.host).await.expect("a renewal");
        assert_eq!((&*renewal.reason, renewal.failures), ("lifetime", 0));
        assert_eq!(world.told(&domain).await, None);
    });
}
