//! Ends other than success: the Vault is away, the domain goes, the invocation is cancelled.

use crate::gate::{FINALIZE, NEW_ORDER, Refusal};
use crate::world::*;
use certificate_client::SERVICE;
use faults::Cut;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use testbed::Proxy;
use vault::Vault;

#[test]
fn crt_16_an_order_outlives_an_outage_of_the_vault() {
    testbed::scenario!("CRT-16");
    testbed::run(async {
        let server = vault_dev::Options::in_memory("token").expect("options");
        let server = vault_dev::Server::start(server).await.expect("a Vault");
        let wire = Arc::new(Proxy::start(server.address()).await.expect("a proxy"));
        let url = format!("http://{}", wire.addr());
        let vault = Vault::new(&url, "token").expect("a client");
        let world = World::own(|deps| deps.vault = Some(vault)).await;
        let domain = world.domain(&host()).await;
        let cut = wire.clone();
        world.when_asked(&domain.host, move || cut.cut());
        let invocation = world.send(&domain).await;
        testbed::eventually(SOON, async || !world.asked(&domain.host).is_empty()).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(world.certificate(&domain.host).await.is_none());
        assert_eq!(world.gate.seen(FINALIZE, "").len(), 0, "no key, no request");
        wire.heal();

        let ingress = world.restate().ingress().with_timeout(Some(SOON));
        ingress.attach(&invocation).await.expect("it ends");
        assert_eq!(world.settled(&domain).await["status"], "success");
        assert_eq!(world.gate.orders(&domain.host), 1);
        assert_eq!(world.gate.seen(FINALIZE, "csr").len(), 1);
        let direct = Vault::new(&server.url(), "token").expect("a client");
        let row = world
            .certificate(&domain.host)
            .await
            .expect("a certificate");
        let opened = direct
            .decrypt(&domain.workspace, &row.encrypted_private_key)
            .await;
        assert!(
            opened.is_ok(),
            "the key that was requested is the one that is stored"
        );
    });
}

#[test]
fn crt_22_a_domain_deleted_meanwhile_gets_nothing() {
    testbed::scenario!("CRT-22");
    testbed::run(async {
        let world = World::shared().await;
        let domain = world.domain(&host()).await;
        world.gate.refuse(Refusal {
            path: NEW_ORDER,
            about: domain.host.clone(),
            status: 429,
            kind: "rateLimited",
            retry_after: Some(1),
            times: 1,
        });
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "pending"
        );
        let sql = "DELETE FROM custom_domains WHERE id = ?";
        world.execute(sql, [&domain.id]).await;

        // the message to itself finds that it is gone
        let sql = format!(
            "SELECT completion_failure FROM sys_invocation WHERE target_service_key = {} AND status = 'completed' AND completion_result = 'failure'",
            restate_api::quoted(&domain.host)
        );
        let failure = testbed::eventually(SOON, async || {
            let rows = world.restate().admin().query(&sql).await.ok()?;
            rows.first()
                .map(|row| row["completion_failure"].to_string())
        })
        .await;
        assert!(failure.contains("CW0038"), "{failure}");
        assert!(world.certificate(&domain.host).await.is_none());
        assert!(
            world.renewal(&domain.host).await.is_none(),
            "nothing will be renewed"
        );
        assert_eq!(world.gate.orders(&domain.host), 0);
        testbed::assert_quiet(&[&domain.host]).await;
    });
}

#[test]
fn a_domain_deleted_while_the_certificate_is_made_gets_none() {
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let domain = world.domain(&host()).await;
        let (db, id) = (world.db.clone(), domain.id.clone());
        world.when_asked(&domain.host, move || {
            let (db, id) = (db.clone(), id.clone());
            testbed::runtime().spawn(async move {
                let sql = "UPDATE custom_domains SET verification_status = 'failed' WHERE id = ?";
                mysql::sql::execute(db.primary(), sql, [id.into()])
                    .await
                    .expect("deleted");
            });
        });
        let refused = world.process(&domain).await.expect_err("refused");
        assert!(
            refused.message().unwrap_or_default().starts_with("CW0038"),
            "{refused}"
        );
        assert!(world.certificate(&domain.host).await.is_none());
    });
}

#[test]
fn crt_23_a_cancelled_issuance_leaves_the_challenge_as_it_was() {
    testbed::scenario!("CRT-23");
    testbed::run(async {
        let world = World::shared().await;
        let fresh = world.domain(&host()).await;
        let held = world.domain(&host()).await;
        world
            .store(&held, &ids::random(ids::Prefix::CERTIFICATE), 90, 20)
            .await;
        for (domain, before) in [(&fresh, "waiting"), (&held, "verified")] {
            let certificate = world.certificate(&domain.host).await;
            world.gate.refuse(Refusal {
                path: NEW_ORDER,
                about: domain.host.clone(),
                status: 503,
                kind: "",
                retry_after: None,
                times: 3,
            });
            let invocation = world.send(domain).await;
            testbed::eventually(SOON, async || {
                !world.gate.seen(NEW_ORDER, &domain.host).is_empty()
            })
            .await;
            assert_eq!(world.challenge_row(domain).await.status, "pending");
            world
                .restate()
                .admin()
                .cancel(&invocation)
                .await
                .expect("cancelled");
            let ingress = world.restate().ingress().with_timeout(Some(SOON));
            let ended = ingress.attach(&invocation).await.expect_err("cancelled");
            assert_eq!(ended.status(), Some(409), "{ended}");
            assert_eq!(world.challenge_row(domain).await.status, before);
            assert_eq!(world.certificate(&domain.host).await, certificate);
            assert_eq!(world.gate.orders(&domain.host), 0);
            // and the next one is not kept from it
            assert_eq!(world.settled(domain).await["status"], "success");
        }
    });
}

#[test]
fn a_cancelled_issuance_leaves_its_order_to_the_next() {
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let domain = world.domain(&host()).await;
        world.gate.refuse(Refusal {
            path: "/authZ/",
            about: String::new(),
            status: 503,
            kind: "",
            retry_after: None,
            times: 2,
        });
        let invocation = world.send(&domain).await;
        testbed::eventually(SOON, async || world.gate.orders(&domain.host) == 1).await;
        world
            .restate()
            .admin()
            .cancel(&invocation)
            .await
            .expect("cancelled");
        let ingress = world.restate().ingress().with_timeout(Some(SOON));
        let _ = ingress.attach(&invocation).await;
        assert_eq!(world.settled(&domain).await["status"], "success");
        assert_eq!(world.gate.orders(&domain.host), 1, "the same order");
    });
}

#[test]
fn a_cancellation_after_the_certificate_was_stored_takes_nothing_back() {
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let domain = world.domain(&host()).await;
        let admin = world.restate().admin();
        // the effect has happened, and its record is held back until Restate knows of the cancellation
        let stored = Cut::run_result(SERVICE, "ProcessChallenge", "store certificate")
            .of_key(&domain.host)
            .doing(move |seen| {
                let admin = admin.clone();
                async move { admin.cancel(&seen.invocation).await.expect("cancelled") }
            });
        let stored = world.proxy.cut(stored);
        let ended = world.process(&domain).await.expect_err("cancelled");
        assert_eq!(ended.status(), Some(409), "{ended}");
        assert!(
            stored.wait(SOON).await.is_some(),
            "cut between effect and record"
        );
        let row = world.certificate(&domain.host).await;
        let row = row.expect("the certificate stays");
        assert_eq!(world.challenge_row(&domain).await.status, "verified");
        let renewal = world.renewal(&domain.host).await.expect("a renewal");
        assert_eq!(
            renewal.reason, "lifetime",
            "it is not asked for again at once"
        );
        // and the next call finds it fresh
        let answer = world.settled(&domain).await;
        assert_eq!(answer["certificateId"], row.id);
        assert_eq!(world.gate.orders(&domain.host), 1);
    });
}

#[test]
fn a_second_key_for_a_name_is_refused() {
    testbed::run(async {
        let world = World::shared().await;
        let domain = world.domain(&host()).await;
        let ingress = world.restate().ingress();
        let body = json!({ "workspaceId": domain.workspace, "domain": domain.host });
        let refused = ingress
            .call(
                certificate_client::SERVICE,
                "another",
                "ProcessChallenge",
                &body,
            )
            .await
            .expect_err("refused");
        assert_eq!(refused.status(), Some(400));
    });
}
