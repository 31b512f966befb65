//! Renewal windows (RFC 9773). The authority's window endpoint is a fake in the gate; orders go to a real Pebble, whose
//! packaged version knows no windows.

use crate::gate::{NEW_ORDER, Refusal};
use crate::world::*;
use serde_json::json;
use std::time::Duration;

const DAY: i64 = 86_400_000;

#[test]
fn crt_20_a_window_in_the_past_renews_at_the_next_sweep() {
    testbed::scenario!("CRT-20");
    testbed::run(async {
        let world = World::own(|_| {}).await;
        // ahead: nothing is due
        let day = |n| {
            let at = time::OffsetDateTime::now_utc() + time::Duration::days(n);
            at.format(&time::format_description::well_known::Rfc3339)
                .expect("a text")
        };
        world.gate.offer_window(&day(65), &day(66));
        let domain = world.domain(&host()).await;
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "success"
        );
        let first = world
            .certificate(&domain.host)
            .await
            .expect("a certificate");
        let id = acme::certificate_id(&first.certificate)
            .expect("readable")
            .expect("an id");
        assert_eq!(world.sweep(&json!({})).await, json!({}));
        let planned = world.renewal(&domain.host).await.expect("a renewal");
        assert_eq!(planned.reason, "ari");
        let ahead = planned.renew_at - mysql::now_ms();
        assert!((64 * DAY..=66 * DAY).contains(&ahead), "{ahead}");
        let asked = world.gate.seen("/renewal-info", "").len();
        assert_eq!(asked, 1);
        // not asked again before the time the authority named
        world.sweep(&json!({})).await;
        assert_eq!(world.gate.seen("/renewal-info", "").len(), asked);

        // the authority wants it renewed, and somebody has done so already
        world
            .gate
            .offer_window("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
        world
            .execute(
                "UPDATE ctrl_worker_renewals SET ari_next_at = 0 WHERE hostname = ?",
                [&domain.host],
            )
            .await;
        world.gate.refuse(Refusal {
            path: NEW_ORDER,
            about: domain.host.clone(),
            status: 409,
            kind: "alreadyReplaced",
            retry_after: None,
            times: 1,
        });
        assert_eq!(world.sweep(&json!({})).await["renewalsTriggered"], 1);
        testbed::eventually(SOON, async || {
            world
                .certificate(&domain.host)
                .await
                .filter(|c| c.certificate != first.certificate)
        })
        .await;
        let orders = world.gate.seen(NEW_ORDER, &domain.host);
        assert_eq!(orders.len(), 3);
        assert_eq!(orders[0].payload.get("replaces"), None);
        assert_eq!(orders[1].payload["replaces"], id);
        assert_eq!(orders[2].payload.get("replaces"), None);
        let planned = world.renewal(&domain.host).await.expect("a renewal");
        assert_eq!(planned.reason, "lifetime");
    });
}

#[test]
fn an_authority_that_tells_no_window_keeps_what_is_planned() {
    testbed::run(async {
        let world = World::own(|_| {}).await;
        world
            .gate
            .offer_window("2090-01-01T00:00:00Z", "2090-01-02T00:00:00Z");
        let domain = world.domain(&host()).await;
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "success"
        );
        let before = world.renewal(&domain.host).await.expect("a renewal");
        world.gate.refuse(Refusal {
            path: "/renewal-info",
            about: String::new(),
            status: 503,
            kind: "",
            retry_after: None,
            times: 1,
        });
        world.sweep(&json!({})).await;
        let after = world.renewal(&domain.host).await.expect("a renewal");
        assert_eq!(
            (after.renew_at, &*after.reason),
            (before.renew_at, "lifetime")
        );
        assert!(after.ari_next_at > before.ari_next_at);
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        world.sweep(&json!({})).await;
        assert_eq!(
            world.renewal(&domain.host).await.expect("a renewal").reason,
            "ari"
        );
    });
}
