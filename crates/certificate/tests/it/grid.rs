//! The grid: an authority that refuses good nonces × one that remembers earlier proofs × a DNS server that fails once for
//! each name. In every cell each name gets a certificate and then a renewal, and no order is left lying.
//!
//! One cell, the worst, in every run of the tests; all twelve with `CTRL_PEBBLE_GRID=all`, as `cargo xtask proof` does.

use crate::gate::{Gate, NEW_ORDER};
use crate::world::*;
use std::time::Duration;
use testbed::{DnsFailure, DnsKind, Pebble, PebbleCounts, PebbleOptions};

/// One setting.
#[derive(Debug, Clone, Copy)]
struct Cell {
    nonce_reject: u8,
    reuse: u8,
    servfail: bool,
    names: usize,
}

/// What came of it.
#[derive(Debug)]
struct Outcome {
    counts: PebbleCounts,
    bad_nonces: usize,
    proofs: usize,
    servfails: usize,
}

fn cells() -> Vec<Cell> {
    if std::env::var_os("CTRL_PEBBLE_GRID").is_none_or(|v| v != "all") {
        return vec![Cell {
            nonce_reject: 50,
            reuse: 100,
            servfail: true,
            names: 2,
        }];
    }
    let mut all = Vec::new();
    for nonce_reject in [0, 20, 50] {
        for reuse in [0, 100] {
            for servfail in [false, true] {
                all.push(Cell {
                    nonce_reject,
                    reuse,
                    servfail,
                    names: 5,
                });
            }
        }
    }
    all
}

#[test]
fn the_pebble_grid_issues_everything_and_leaks_no_order() {
    testbed::run(async {
        println!(
            "nonces refused | authorisations reused | SERVFAIL once | certificates | orders | finalized | badNonce | proofs | SERVFAIL seen"
        );
        for cell in cells() {
            let got = play(cell).await;
            let counts = got.counts;
            println!(
                "{:>12} % | {:>19} % | {:>13} | {:>12} | {:>6} | {:>9} | {:>8} | {:>6} | {:>13}",
                cell.nonce_reject,
                cell.reuse,
                if cell.servfail { "yes" } else { "no" },
                counts.certificates,
                counts.orders,
                counts.finalized,
                got.bad_nonces,
                got.proofs,
                got.servfails
            );
            judge(cell, &got);
        }
    });
}

fn judge(cell: Cell, got: &Outcome) {
    let wanted = 2 * cell.names;
    let counts = got.counts;
    assert_eq!(counts.certificates, wanted, "{cell:?} {got:?}");
    assert_eq!(counts.finalized, wanted, "{cell:?} {got:?}");
    // an order whose proof failed is over, and another one takes its place; none is left lying
    let failed = if cell.servfail { cell.names } else { 0 };
    assert_eq!(
        counts.orders,
        wanted + failed,
        "an order is left lying: {cell:?} {got:?}"
    );
    assert_eq!(counts.accounts, 1, "{cell:?} {got:?}");
    // a setting that had no effect proves nothing
    assert_eq!(
        got.bad_nonces > 0,
        cell.nonce_reject > 0,
        "{cell:?} {got:?}"
    );
    // Pebble looks three times, and one of the three meets the failure; what it remembers it does not look at again
    let first = cell.names * if cell.servfail { 5 } else { 3 };
    assert_eq!(got.proofs <= first, cell.reuse == 100, "{cell:?} {got:?}");
    assert_eq!(got.servfails, failed, "{cell:?} {got:?}");
}

async fn play(cell: Cell) -> Outcome {
    let dns = testbed::dns().await;
    let pebble = Pebble::start(PebbleOptions {
        nonce_reject: cell.nonce_reject,
        authorization_reuse: cell.reuse,
        dns: Some(dns.addr()),
        http_port: testbed::http01().await.addr().port(),
        ..PebbleOptions::default()
    });
    let pebble = pebble.await.expect("Pebble");
    let gate = Gate::start(&pebble.directory, pebble.ca_bundle()).await;
    let world = World::behind(gate, |deps| {
        // a failed attempt goes on by itself, as in production
        deps.timings.own_retry = Duration::from_secs(3_600);
        deps.timings.first_retry = Duration::from_millis(50);
    })
    .await;
    let mut domains = Vec::new();
    for _ in 0..cell.names {
        let domain = world.domain(&host()).await;
        if cell.servfail {
            dns.fail(
                &domain.host,
                Some(DnsKind::A),
                DnsFailure::ServFail,
                Some(1),
            );
        }
        domains.push(domain);
    }
    let first = issue_all(&world, &domains).await;
    for domain in &domains {
        // the instant of the renewal has come
        let sql = "UPDATE ctrl_worker_renewals SET renew_at = 1 WHERE hostname = ?";
        world.execute(sql, [&domain.host]).await;
    }
    let second = issue_all(&world, &domains).await;
    assert!(first.iter().zip(&second).all(|(a, b)| a != b), "renewed");
    let asked = domains.iter().map(|d| world.asked(&d.host).len());
    // a failed question is asked again; both are counted
    let servfails = domains.iter().map(|d| {
        let asked = dns.queries(&d.host, Some(DnsKind::A));
        usize::from(asked > world.asked(&d.host).len())
    });
    Outcome {
        counts: pebble.counts(),
        bad_nonces: world.gate.bad_nonces(),
        proofs: asked.sum(),
        servfails: servfails.sum(),
    }
}

/// All at once; each must come to rest with a certificate of Pebble's, whose serial numbers are returned.
async fn issue_all(world: &World, domains: &[Domain]) -> Vec<String> {
    let all = domains.iter().map(|domain| async {
        let answer = testbed::eventually(Duration::from_secs(120), || async {
            match world.process(domain).await {
                Ok(answer) if answer["status"] == "success" => Ok(answer),
                Ok(answer) => Err(answer.to_string()),
                Err(e) => Err(e.to_string()),
            }
        });
        answer.await;
        let row = world
            .certificate(&domain.host)
            .await
            .expect("a certificate");
        let said = acme::read(&row.certificate).expect("readable");
        assert!(said.issuer.contains("Pebble"), "{said:?}");
        assert!(!world.gate.seen(NEW_ORDER, &domain.host).is_empty());
        said.serial
    });
    futures::future::join_all(all).await
}
