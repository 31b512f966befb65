//! What is stored, what is not, and how often is asked.

use crate::site::Site;
use crate::world::{DOCUMENT, OTHER, World, endpoint, timings};
use faults::{Cut, serve_behind_on};
use openapi_client::SERVICE;
use serde_json::json;
use std::time::Duration;
use testbed::{Restate, RestateOptions};

#[test]
fn o_1_and_2_the_document_is_stored_and_replaced() {
    testbed::scenario!("O-1", "O-2");
    testbed::run(async {
        let world = World::new(Some("/v1/openapi.json?full=1")).await;
        world.site.answer(&world.host, 200, "", DOCUMENT);
        assert_eq!(world.scrape().await.expect("done"), json!({}));
        let (id, content) = world.stored().await.expect("a row");
        assert!(id.starts_with("oas_"), "{id}");
        assert_eq!(content, DOCUMENT);
        assert_eq!(
            world.site.seen(&world.host)[0].path,
            "/v1/openapi.json?full=1"
        );

        world.site.forget(&world.host);
        world.site.answer(&world.host, 200, "", OTHER);
        world.scrape().await.expect("done");
        assert_eq!(world.stored().await, Some((id, OTHER.to_vec())));
    });
}

#[test]
fn o_3_without_a_path_nothing_is_asked_and_what_was_stored_goes() {
    testbed::scenario!("O-3");
    testbed::run(async {
        let world = World::new(Some("/openapi.json")).await;
        world.site.answer(&world.host, 200, "", DOCUMENT);
        world.scrape().await.expect("done");
        assert_eq!(world.site.seen(&world.host).len(), 1);
        for path in [Some(""), None] {
            world.set_path(path).await;
            world.scrape().await.expect("done");
            assert_eq!(world.site.seen(&world.host).len(), 1, "{path:?}");
            assert_eq!(world.stored().await, None, "{path:?}");
        }
    });
}

#[test]
fn o_4_nothing_there_is_a_success_without_a_row() {
    testbed::scenario!("O-4");
    testbed::run(async {
        let world = World::new(Some("/openapi.json")).await;
        world.site.answer(&world.host, 404, "", DOCUMENT);
        world.scrape().await.expect("done");
        assert_eq!(world.site.seen(&world.host).len(), 1);
        assert_eq!(world.stored().await, None);
        // A start page is no document.
        world.site.forget(&world.host);
        world
            .site
            .answer(&world.host, 200, "", b"<!doctype html><title>shop</title>");
        world.scrape().await.expect("done");
        assert_eq!(world.stored().await, None);
    });
}

#[test]
fn o_5_failures_are_tried_again_later_and_in_the_end_given_up() {
    testbed::scenario!("O-5");
    testbed::run(async {
        let world = World::new(Some("/openapi.json")).await;
        world.site.answer(&world.host, 500, "", b"");
        world.site.answer(&world.host, 503, "", b"");
        world.site.answer(&world.host, 200, "", DOCUMENT);
        world.scrape().await.expect("the third time");
        let seen = world.site.seen(&world.host);
        assert_eq!(seen.len(), 3);
        let pauses: Vec<Duration> = seen.windows(2).map(|w| w[1].at - w[0].at).collect();
        assert!(pauses[0] >= timings().first_pause, "{pauses:?}");
        assert!(pauses[1] >= timings().first_pause * 2, "{pauses:?}");
        assert_eq!(
            world.stored().await.map(|(_, content)| content),
            Some(DOCUMENT.to_vec())
        );

        let world = World::new(Some("/openapi.json")).await;
        world.site.answer(&world.host, 500, "", b"");
        let failed = world.scrape().await.expect_err("given up");
        assert_eq!(failed.status(), Some(500), "{failed}");
        assert_eq!(
            world.site.seen(&world.host).len(),
            timings().attempts as usize
        );
        assert_eq!(world.stored().await, None);
    });
}

#[test]
fn o_6_without_a_host_name_there_is_nothing_to_do() {
    testbed::scenario!("O-6");
    testbed::run(async {
        let world = World::without_host(Some("/openapi.json")).await;
        world.scrape().await.expect("at the first attempt");
        assert!(world.site.seen(&world.host).is_empty());
        // A route of its own kind only, and of this app only.
        world.route(&world.host).await;
        world
            .execute(
                "UPDATE frontline_routes SET sticky = 'live' WHERE deployment_id = ?",
                [world.id.as_str().into()],
            )
            .await;
        world.scrape().await.expect("at the first attempt");
        assert!(world.site.seen(&world.host).is_empty());
    });
}

#[test]
fn a_development_cluster_is_asked_at_the_instance() {
    testbed::run(async {
        let world = World::without_host(Some("/openapi.json")).await;
        world.route(&format!("app-{}.unkey.local", world.id)).await;
        world.scrape().await.expect("no instance runs");
        assert!(
            world
                .site
                .seen("127.0.0.1")
                .iter()
                .all(|s| !s.head.contains(&world.id))
        );
        for (status, address) in [
            ("failed", "10.0.0.9:1"),
            ("running", &world.site.addr.to_string()),
        ] {
            let sql = "INSERT INTO instances (id, deployment_id, workspace_id, project_id, app_id, region_id, k8s_name, address, cpu_millicores, memory_mib, status)
                       VALUES (?, ?, 'w', 'p', 'a', ?, ?, ?, 1, 1, ?)";
            let values = [
                format!("ins_{status}_{}", world.id).into(),
                world.id.as_str().into(),
                world.app.regions[0].id.as_str().into(),
                format!("{status}-{}", world.id).into(),
                address.into(),
                status.into(),
            ];
            world.execute(sql, values).await;
        }
        world.site.answer("127.0.0.1", 200, "", DOCUMENT);
        world.scrape().await.expect("done");
        assert!(world.stored().await.is_some());
        let seen = world.site.seen("127.0.0.1");
        let header = format!("x-deployment-id: {}", world.id);
        assert!(seen.iter().any(|s| s.head.contains(&header)), "{seen:?}");
    });
}

#[test]
fn a_redirect_on_the_same_host_is_followed() {
    testbed::run(async {
        let world = World::new(Some("/docs")).await;
        world
            .site
            .answer(&world.host, 302, "location: /docs/openapi.json\r\n", b"");
        world.site.answer(&world.host, 200, "", DOCUMENT);
        world.scrape().await.expect("done");
        let paths: Vec<String> = world
            .site
            .seen(&world.host)
            .into_iter()
            .map(|s| s.path)
            .collect();
        assert_eq!(paths, ["/docs", "/docs/openapi.json"]);
        assert!(world.stored().await.is_some());
    });
}

#[test]
fn a_lost_answer_stores_the_same_row_again() {
    testbed::run(async {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let site = Site::start().await;
        let proxy = serve_behind_on(&restate, endpoint(testbed::db().await, &site, false)).await;
        for (step, path) in [
            ("find target", Some("/openapi.json")),
            ("scrape openapi spec", Some("/openapi.json")),
            ("delete openapi spec", None),
        ] {
            let world = World::new(path).await;
            site.answer(&world.host, 200, "", DOCUMENT);
            let cut = proxy.cut(Cut::run_result(SERVICE, "ScrapeSpec", step));
            let body = json!({ "deploymentId": world.id });
            let answer = restate
                .ingress()
                .call(SERVICE, None, "ScrapeSpec", &body)
                .await;
            assert_eq!(answer.expect("done"), json!({}));
            assert!(cut.wait(Duration::from_secs(10)).await.is_some(), "{step}");
            assert_eq!(world.stored().await.is_some(), path.is_some(), "{step}");
        }
    });
}

#[test]
fn a_deployment_that_is_deleted_meanwhile_gets_no_document() {
    testbed::run(async {
        let world = World::new(Some("/openapi.json")).await;
        world.site.answer(&world.host, 500, "", b"");
        world.site.answer(&world.host, 200, "", DOCUMENT);
        let scrape = world.scrape();
        let delete = async {
            testbed::eventually(Duration::from_secs(10), || async {
                !world.site.seen(&world.host).is_empty()
            })
            .await;
            world
                .execute(
                    "DELETE FROM deployments WHERE id = ?",
                    [world.id.as_str().into()],
                )
                .await;
        };
        let (answer, ()) = tokio::join!(scrape, delete);
        answer.expect("done");
        assert_eq!(world.stored().await, None);
    });
}
