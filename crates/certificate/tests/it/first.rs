//! The first certificate of a name: issued, served, kept while it is good, filed under its owner, refused where it may not be.

use crate::world::*;
use serde_json::json;
use testbed::DnsData;

#[test]
fn crt_1_a_first_certificate_is_issued_over_http() {
    testbed::scenario!("CRT-1");
    testbed::run(async {
        let world = World::shared().await;
        let domain = world.domain(&host()).await;
        assert_eq!(world.challenge_row(&domain).await.status, "waiting");

        let answer = world.process(&domain).await.expect("an answer");

        // what the row said while the authority was looking, which it does only once it was told
        let asked = world.asked(&domain.host);
        assert!(
            !asked.is_empty() && asked.iter().all(|a| a == "pending true"),
            "{asked:?}"
        );
        let row = world
            .certificate(&domain.host)
            .await
            .expect("a certificate");
        assert_eq!(
            answer,
            json!({ "certificateId": row.id, "status": "success" })
        );
        assert_eq!(
            (&row.workspace_id, row.updated_at),
            (&domain.workspace, None)
        );
        let key = world
            .vault
            .decrypt(&domain.workspace, &row.encrypted_private_key)
            .await
            .expect("the owner's keyring opens it");
        let names = [domain.host.clone()];
        let checked = acme::check(&row.certificate, key.expose(), &names, mysql::now_ms());
        let checked = checked.expect("chain, key, names and validity are right");
        assert!(checked.issuer.contains("Pebble"), "{}", checked.issuer);
        let challenge = world.challenge_row(&domain).await;
        assert_eq!(challenge.status, "verified");
        assert_eq!(challenge.expires_at, checked.not_after_ms);
        let renewal = world.renewal(&domain.host).await.expect("a renewal");
        let (begin, end) = (checked.not_before_ms, checked.not_after_ms);
        assert!(renewal.renew_at > begin + (end - begin) * 64 / 100);
        assert!(renewal.renew_at <= begin + (end - begin) * 667 / 1000);
        testbed::assert_quiet(&[&domain.host]).await;
    });
}

#[test]
fn crt_2_the_edge_serves_the_token_that_was_presented() {
    testbed::scenario!("CRT-2");
    testbed::run(async {
        let world = World::shared().await;
        let domain = world.domain(&host()).await;
        world.process(&domain).await.expect("an answer");
        let presented = world.challenge_row(&domain).await;
        let edge = testbed::http01().await.addr();
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let ask = async |token: &str| {
            let url = format!("http://{edge}/.well-known/acme-challenge/{token}");
            let answer = http
                .get(url)
                .header("host", &domain.host)
                .send()
                .await
                .expect("an answer");
            (
                answer.status().as_u16(),
                answer.text().await.expect("a text"),
            )
        };
        assert_eq!(
            ask(&presented.token).await,
            (200, presented.authorization.clone())
        );
        assert!(
            presented
                .authorization
                .starts_with(&format!("{}.", presented.token))
        );
        assert_eq!(ask("another").await.0, 404);
        let sql = "UPDATE acme_challenges SET `authorization` = '' WHERE domain_id = ?";
        world.execute(sql, [&domain.id]).await;
        assert_eq!(ask(&presented.token).await.0, 404);
    });
}

#[test]
fn crt_3_a_renewal_keeps_the_id() {
    testbed::scenario!("CRT-3");
    testbed::run(async {
        let world = World::shared().await;
        let domain = world.domain(&host()).await;
        let id = ids::random(ids::Prefix::CERTIFICATE);
        world.store(&domain, &id, 90, 20).await;
        let before = world.challenge_row(&domain).await;

        let answer = world.process(&domain).await.expect("an answer");

        assert_eq!(answer, json!({ "certificateId": id, "status": "success" }));
        let row = world
            .certificate(&domain.host)
            .await
            .expect("a certificate");
        assert_eq!((row.id, row.created_at), (id, 1));
        assert!(row.updated_at.is_some());
        let said = acme::read(&row.certificate).expect("readable");
        let after = world.challenge_row(&domain).await;
        assert_eq!(after.expires_at, said.not_after_ms);
        assert!(after.expires_at > before.expires_at);
    });
}

#[test]
fn crt_13_a_squatters_row_is_left_alone() {
    testbed::scenario!("CRT-13");
    testbed::run(async {
        let world = World::shared().await;
        let name = host();
        let squatter = world.row(&name, "pending").await;
        world.challenge(&squatter, "waiting", 0).await;
        let owner = world.domain(&name).await;

        let answer = world.process(&owner).await.expect("an answer");

        assert_eq!(answer["status"], "success");
        let row = world.certificate(&name).await.expect("a certificate");
        assert_eq!(row.workspace_id, owner.workspace);
        assert_eq!(world.challenge_row(&owner).await.status, "verified");
        let left = world.challenge_row(&squatter).await;
        assert_eq!((&*left.status, &*left.token), ("waiting", ""));
        // whoever does not hold the name gets nothing, and takes nothing away
        let refused = world.process(&squatter).await.expect_err("refused");
        assert_eq!(refused.status(), Some(409));
        assert!(refused.message().unwrap_or_default().starts_with("CW0044"));
        assert!(world.renewal(&name).await.is_some());
    });
}

#[test]
fn crt_15_of_three_calls_only_the_first_orders() {
    testbed::scenario!("CRT-15");
    testbed::run(async {
        let world = World::shared().await;
        let domain = world.domain(&host()).await;
        let (a, b, c) = tokio::join!(
            world.process(&domain),
            world.process(&domain),
            world.process(&domain)
        );
        let answers = [a, b, c].map(|answer| answer.expect("an answer"));
        let row = world
            .certificate(&domain.host)
            .await
            .expect("a certificate");
        let wanted = json!({ "certificateId": row.id, "status": "success" });
        assert_eq!(answers, [wanted.clone(), wanted.clone(), wanted]);
        assert_eq!(world.gate.orders(&domain.host), 1);
    });
}

#[test]
fn crt_24_without_acme_nobody_is_asked() {
    testbed::scenario!("CRT-24");
    testbed::run(async {
        let world = World::own(|deps| deps.acme = None).await;
        let domain = world.domain(&host()).await;
        let answer = world.process(&domain).await.expect("an answer");
        assert_eq!(answer, json!({ "status": "failed" }));
        assert_eq!(world.gate.all().len(), 0);
        assert_eq!(world.challenge_row(&domain).await.status, "waiting");
    });
}

#[test]
fn crt_26_forbidding_caa_costs_no_order() {
    testbed::scenario!("CRT-26");
    testbed::run(async {
        let world = World::shared().await;
        let domain = world.domain(&host()).await;
        let dns = testbed::dns().await;
        dns.add(&domain.host, DnsData::caa("issue", "otherca.example"));

        let answer = world.process(&domain).await.expect("an answer");

        assert_eq!(answer, json!({ "status": "failed" }));
        assert_eq!(world.gate.orders(&domain.host), 0);
        let told = world.told(&domain).await.expect("a reason");
        assert!(
            told.starts_with("Certificate: ") && told.contains("otherca.example"),
            "{told}"
        );
        assert_eq!(world.challenge_row(&domain).await.status, "failed");
        assert!(world.certificate(&domain.host).await.is_none());

        // mended, it goes on at once and the reason is gone
        dns.set(&domain.host, [DnsData::A([127, 0, 0, 1].into())]);
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "success"
        );
        assert_eq!(world.told(&domain).await, None);
    });
}

#[test]
fn a_name_that_is_no_domain_is_refused() {
    testbed::run(async {
        let world = World::shared().await;
        let mut stranger = world.row(&host(), "pending").await;
        let refused = world.process(&stranger).await.expect_err("refused");
        assert!(refused.message().unwrap_or_default().starts_with("CW0044"));
        stranger.host = host();
        let refused = world.process(&stranger).await.expect_err("refused");
        assert!(refused.message().unwrap_or_default().starts_with("CW0038"));
        assert_eq!(refused.status(), Some(404));
        assert_eq!(world.steps(&stranger.host, "claim challenge").await, 0);
    });
}
