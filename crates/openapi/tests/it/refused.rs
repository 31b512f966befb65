//! What is not fetched at all, and what is fetched and not stored.

use crate::site::Site;
use crate::world::{DOCUMENT, World, endpoint, scrape, timings};
use openapi_client::{HANDLERS, SERVICE};
use serde_json::json;
use testbed::{Restate, RestateOptions};

#[test]
fn o_7_an_unknown_deployment_is_not_found() {
    testbed::scenario!("O-7");
    testbed::run(async {
        let world = World::new(Some("/openapi.json")).await;
        for id in ["d_nobody".to_owned(), world.id.to_uppercase()] {
            let refused = scrape(&id).await.expect_err("unknown");
            assert_eq!(refused.status(), Some(404), "{refused}");
            assert!(refused.to_string().contains("CW0002"), "{refused}");
        }
        let refused = scrape("").await.expect_err("empty");
        assert_eq!(refused.status(), Some(400), "{refused}");
    });
}

#[test]
fn o_8_a_path_that_leads_away_is_rejected_without_a_request() {
    testbed::scenario!("O-8");
    testbed::run(async {
        let world = World::new(None).await;
        world.site.answer(&world.host, 200, "", DOCUMENT);
        world.site.answer("evil", 200, "", DOCUMENT);
        for path in ["@evil/x", "//evil/x", "http://evil/x", "x", "/\\evil/x"] {
            world.set_path(Some(path)).await;
            let refused = world.scrape().await.expect_err(path);
            assert_eq!(refused.status(), Some(400), "{refused}");
            assert!(refused.to_string().contains("CW0031"), "{refused}");
        }
        assert!(world.site.seen(&world.host).is_empty() && world.site.seen("evil").is_empty());
        assert_eq!(world.stored().await, None);
    });
}

#[test]
fn o_9_a_document_that_is_too_large_is_refused_for_good() {
    testbed::scenario!("O-9");
    testbed::run(async {
        let mut large = br#"{"openapi":"3.1.0","x":""#.to_vec();
        large.resize(timings().max_bytes - 1, b'x');
        large.extend_from_slice(b"\"}");
        assert_eq!(large.len(), timings().max_bytes + 1);
        let world = World::new(Some("/openapi.json")).await;
        world.site.answer(&world.host, 200, "", &large);
        let refused = world.scrape().await.expect_err("too large");
        assert_eq!(refused.status(), Some(413), "{refused}");
        assert_eq!(world.site.seen(&world.host).len(), 1, "not tried again");
        assert_eq!(world.stored().await, None);
        // The same without a length told beforehand, and the largest that fits.
        let chunked = |body: &[u8]| {
            [
                format!("{:x}\r\n", body.len()).as_bytes(),
                body,
                b"\r\n0\r\n\r\n",
            ]
            .concat()
        };
        world.site.forget(&world.host);
        world.site.raw(
            &world.host,
            "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
            &chunked(&large),
        );
        let refused = world.scrape().await.expect_err("too large");
        assert_eq!(refused.status(), Some(413), "{refused}");
        large.remove(30);
        world.site.forget(&world.host);
        world.site.answer(&world.host, 200, "", &large);
        world.scrape().await.expect("fits");
        assert_eq!(
            world.stored().await.map(|(_, c)| c.len()),
            Some(timings().max_bytes)
        );
    });
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    testbed::run(async {
        let world = World::new(Some("/openapi.json")).await;
        let other = format!("other-{}", world.host);
        world.site.answer(&other, 200, "", DOCUMENT);
        for location in [
            format!("http://{other}:{}/x", world.site.addr.port()),
            format!("//{other}/x"),
            "http://169.254.169.254/latest".to_owned(),
        ] {
            world.site.forget(&world.host);
            world
                .site
                .answer(&world.host, 301, &format!("location: {location}\r\n"), b"");
            let refused = world.scrape().await.expect_err("elsewhere");
            assert_eq!(refused.status(), Some(403), "{refused}");
            assert!(refused.to_string().contains("CW0033"), "{refused}");
        }
        assert!(world.site.seen(&other).is_empty());
        assert_eq!(world.stored().await, None);
    });
}

#[test]
fn o_10_the_ingress_may_not_call_it() {
    testbed::scenario!("O-10");
    testbed::run(async {
        assert!(HANDLERS[0].private, "by contract");
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let site = Site::start().await;
        let private = HANDLERS.iter().all(|h| h.private);
        let _served =
            testbed::serve_on(&restate, endpoint(testbed::db().await, &site, private)).await;
        let world = World::new(Some("/openapi.json")).await;
        let body = json!({ "deploymentId": world.id });
        let refused = restate
            .ingress()
            .call(SERVICE, None, "ScrapeSpec", &body)
            .await;
        assert_eq!(refused.expect_err("private").status(), Some(400));
        assert!(site.seen(&world.host).is_empty());
    });
}
