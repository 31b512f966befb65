//! Rate limits are waited out in rounds, passing failures by the steps' policy.

use crate::gate::{NEW_ORDER, Refusal};
use crate::world::*;
use certificate_client::SERVICE;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn limited(host: &str, seconds: u64) -> Refusal {
    Refusal {
        path: NEW_ORDER,
        about: host.to_owned(),
        status: 429,
        kind: "rateLimited",
        retry_after: Some(seconds),
        times: 1,
    }
}

/// The object state of a host's issuance.
async fn round(world: &World, host: &str) -> Option<Value> {
    let sql = format!(
        "SELECT value_utf8 FROM state WHERE service_name = '{SERVICE}' AND service_key = {} AND key = 'round'",
        restate_api::quoted(host)
    );
    let rows = world.restate().admin().query(&sql).await.expect("state");
    let text = rows.first()?["value_utf8"].as_str()?;
    serde_json::from_str(text).ok()
}

#[test]
fn crt_7_a_rate_limit_is_waited_out() {
    testbed::scenario!("CRT-7");
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let domain = world.domain(&host()).await;
        world.gate.refuse(limited(&domain.host, 3));
        let begun = Instant::now();
        let answer = world.process(&domain).await.expect("an answer");
        assert_eq!(answer, json!({ "status": "pending" }));
        let asked_then = world.gate.all().len();
        // nothing is held up meanwhile, and a call in between is answered at once
        testbed::assert_quiet(&[&domain.host]).await;
        let in_between = Instant::now();
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "pending"
        );
        assert!(in_between.elapsed() < Duration::from_secs(2));

        // three seconds and the margin of one
        let mut certificate = None;
        while certificate.is_none() && begun.elapsed() < SOON {
            assert_eq!(world.challenge_row(&domain).await.status, "pending");
            tokio::time::sleep(Duration::from_millis(50)).await;
            certificate = world.certificate(&domain.host).await;
        }
        assert!(certificate.is_some(), "it goes on by itself");
        let all = world.gate.all();
        let next = &all[asked_then];
        assert!(
            next.at - begun >= Duration::from_millis(3_900),
            "{:?}",
            next.at - begun
        );
        assert_eq!(world.gate.seen(NEW_ORDER, &domain.host).len(), 2);
        assert_eq!(world.challenge_row(&domain).await.status, "verified");
    });
}

#[test]
fn crt_8_a_long_limit_is_waited_out_in_short_rounds() {
    testbed::scenario!("CRT-8");
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let domain = world.domain(&host()).await;
        world.gate.refuse(limited(&domain.host, 6));
        let begun = Instant::now();
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "pending"
        );
        let mut instants: Vec<i64> = Vec::new();
        while world.certificate(&domain.host).await.is_none() && begun.elapsed() < SOON {
            assert_ne!(world.challenge_row(&domain).await.status, "failed");
            if let Some(round) = round(&world, &domain.host).await {
                let until = round["until"].as_i64().unwrap_or(0);
                // each delay is at most the longest one (a second here)
                assert!(until - mysql::now_ms() <= 1_050, "{round}");
                if until > 0 && instants.last() != Some(&until) {
                    instants.push(until);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(instants.len() >= 6, "{instants:?}");
        assert!(begun.elapsed() >= Duration::from_secs(6));
        assert_eq!(world.gate.seen(NEW_ORDER, &domain.host).len(), 2);

        // and there is an end to it
        let world = World::own(|deps| deps.timings.most_rounds = 2).await;
        let domain = world.domain(&host()).await;
        world.gate.refuse(limited(&domain.host, 3_600));
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "pending"
        );
        // a limit is not the name's fault: the challenge waits again, and nothing is asked of the authority meanwhile
        testbed::eventually(SOON, async || {
            world.challenge_row(&domain).await.status == "waiting"
        })
        .await;
        let asked = world.gate.all().len();
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "pending"
        );
        assert_eq!(world.gate.all().len(), asked);
        assert_eq!(world.gate.seen(NEW_ORDER, &domain.host).len(), 1);
        let renewal = world.renewal(&domain.host).await.expect("a renewal");
        assert!(
            renewal.renew_at > mysql::now_ms() + 3_500_000,
            "and the sweep keeps it too"
        );
        testbed::assert_quiet::<&str>(&[]).await;
    });
}

#[test]
fn crt_10_an_authority_that_fails_is_tried_again_ever_later() {
    testbed::scenario!("CRT-10");
    testbed::run(async {
        let world = World::shared().await;
        let domain = world.domain(&host()).await;
        world.gate.refuse(Refusal {
            path: NEW_ORDER,
            about: domain.host.clone(),
            status: 503,
            kind: "",
            retry_after: None,
            times: 2,
        });
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "success"
        );
        let tried = world.gate.seen(NEW_ORDER, &domain.host);
        assert_eq!(tried.len(), 3);
        // the policy's gaps: 300 ms here instead of 30 s, then doubled
        let gaps = [tried[1].at - tried[0].at, tried[2].at - tried[1].at];
        assert!(gaps[0] >= Duration::from_millis(300), "{gaps:?}");
        assert!(gaps[1] >= Duration::from_millis(600), "{gaps:?}");
        assert_eq!(world.challenge_row(&domain).await.status, "verified");
    });
}

#[test]
fn five_tries_are_all_there_are_and_the_next_attempt_is_planned() {
    testbed::run(async {
        let world = World::own(|deps| deps.timings.first_retry = Duration::from_millis(30)).await;
        let domain = world.domain(&host()).await;
        world.gate.refuse(Refusal {
            path: NEW_ORDER,
            about: domain.host.clone(),
            status: 503,
            kind: "",
            retry_after: None,
            times: 50,
        });
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "failed"
        );
        assert_eq!(world.gate.seen(NEW_ORDER, &domain.host).len(), 5);
        assert_eq!(world.challenge_row(&domain).await.status, "failed");
        let renewal = world.renewal(&domain.host).await.expect("a renewal");
        assert_eq!((&*renewal.reason, renewal.failures), ("outage", 1));
        assert!(renewal.renew_at <= mysql::now_ms() + 2_000);
    });
}
