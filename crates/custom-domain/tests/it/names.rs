//! Keys and host names: which are taken, which are refused and in which words.

use crate::world::*;
use custom_domain_client::SERVICE;
use testbed::DnsData;

#[test]
fn names_that_cannot_be_brought_end_at_once_and_say_why() {
    testbed::run(async {
        let long = format!("{}.test", vec!["a".repeat(49); 5].join("."));
        for (name, words) in [
            ("co.uk".to_owned(), "public suffix"),
            ("192.0.2.7".to_owned(), "IP address"),
            ("*.acme.test".to_owned(), "wildcard"),
            (long, "253 characters"),
            ("acme_shop.test".to_owned(), "label"),
            (
                format!("{}.platform.test", ids::dns_label(8)),
                "belongs to this platform",
            ),
            (CNAME_DOMAIN.to_owned(), "belongs to this platform"),
            ("localhost".to_owned(), "top-level domain"),
        ] {
            let w = World::new(&name).await;
            let refused = w.call(&w.id, "VerifyDomain").await.expect_err("refused");
            assert_eq!(refused.status(), Some(400), "{name}: {refused}");
            let said = refused.message().unwrap_or_default().to_owned();
            assert!(
                said.contains("CW0039") && said.contains(words),
                "{name}: {said}"
            );
            let row = w.row().await;
            assert_eq!(row.verification_status, Failed, "{name}");
            assert!(World::error(&row).contains(words), "{name}: {row:?}");
            assert_eq!(w.queries(&w.domain, None), 0, "{name}");
            w.settled().await;
            // the row is not needed any longer; these names are not unique to this test
            intent::delete_domain(&w.db, &w.id).await.expect("deleted");
        }
    });
}

#[test]
fn a_host_name_as_key_means_its_only_row_that_has_not_failed() {
    testbed::run(async {
        let domain = host();
        let failed = World::new(&domain).await;
        failed.set("verification_status = 'failed'").await;
        let w = World::new(&domain).await;
        w.publish_cname();
        w.call(&domain, "VerifyDomain").await.expect("answers");
        assert_eq!(w.row().await.verification_status, Verified);
        assert_eq!(failed.row().await.verification_status, Failed);
        w.settled().await;
        // several, one of them verified: that one
        let third = World::new(&domain).await;
        w.call(&domain, "VerifyDomain").await.expect("answers");
        assert_eq!(third.row().await.verification_status, Pending);
        w.settled().await;
    });
}

#[test]
fn a_host_name_that_several_could_mean_is_refused() {
    testbed::run(async {
        let domain = host();
        let (a, b) = (World::new(&domain).await, World::new(&domain).await);
        let refused = a.call(&domain, "VerifyDomain").await.expect_err("refused");
        assert_eq!(refused.status(), Some(409));
        let said = refused.message().unwrap_or_default();
        assert!(
            said.contains("CW0041") && said.contains(&a.id) && said.contains(&b.id),
            "{said}"
        );
        assert_eq!(a.row().await.verification_status, Pending);
        testbed::assert_quiet(&[&domain]).await;
    });
}

/// Verified under the id and under the host name at once: one verification, whoever comes first.
#[test]
fn both_keys_of_one_domain_serve_it_once() {
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        let (id, name) = tokio::join!(
            w.call(&w.id, "VerifyDomain"),
            w.call(&w.domain, "VerifyDomain")
        );
        id.expect("answers");
        name.expect("answers");
        assert_eq!(w.row().await.verification_status, Verified);
        assert_eq!(
            (w.routes().await.len(), w.challenges().await),
            (1, vec![WAITING.to_owned()])
        );
        w.settled().await;
    });
}

/// Any key a caller picks: odd ones are row ids and host names that do not exist.
#[test]
fn an_odd_key_is_no_row() {
    testbed::run(async {
        let w = World::new(&host()).await;
        for key in ["dom_", "no such name / % \u{1F600}", "*.example.com"] {
            let unique = format!("{key}{}", ids::dns_label(8));
            w.call(&unique, "VerifyDomain")
                .await
                .expect("waits for a row");
            testbed::eventually(SOON, || async {
                let sql = format!("SELECT key FROM state WHERE service_name = '{SERVICE}' AND service_key = '{unique}'");
                testbed::admin().await.query(&sql).await.is_ok_and(|rows| rows.is_empty())
            })
            .await;
        }
    });
}

/// The app of the domain is gone: told, failed, and over.
#[test]
fn a_route_that_is_refused_for_good_fails_the_domain() {
    testbed::run(async {
        let w = World::new(&host()).await;
        crate::fakes::refuse_routes(&w.app.project_id, "CW0003: No app has the id \"app_x\".");
        w.publish(&w.domain, &DnsData::Cname(w.target.clone()));
        let refused = w.call(&w.id, "VerifyDomain").await.expect_err("refused");
        assert_eq!(refused.status(), Some(404), "{refused}");
        let row = w.row().await;
        assert_eq!(row.verification_status, Failed);
        assert_eq!(World::error(&row), "No app has the id \"app_x\".");
        assert_eq!((w.challenges().await, w.asked()), (vec![], vec![]));
        w.settled().await;
    });
}
