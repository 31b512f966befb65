//! What GitHub is told of a deployment, in which cases.

use github_fake::Trouble;
use serde_json::json;

use crate::world::*;

#[test]
fn g1_g3_a_deployment_of_a_pull_request_from_queued_to_ready() {
    testbed::scenario!("G-1", "G-3");
    testbed::run(async {
        let world = World::new().await;
        let id = world.deployment("building").await;
        world.init(&id, world.preview("web")).await;
        let made = world.fake.deployments();
        assert_eq!(made.len(), 1);
        assert_eq!(made[0]["ref"], SHA);
        assert_eq!(made[0]["payload"]["deployment"], id.as_str());
        assert_eq!(world.number(&id).await, made[0]["id"].as_i64());
        testbed::eventually(SOON, || async { world.rows().len() == 1 }).await;
        assert!(
            world.rows()[0].contains("**shop / web** (preview) | Queued |"),
            "{:?}",
            world.rows()
        );
        world
            .report(&id, "IN_PROGRESS", "Deploying to regions...")
            .await;
        world.report(&id, "SUCCESS", "Deployment is live").await;
        assert_eq!(world.states(), ["pending", "in_progress", "success"]);
        let last = world.fake.statuses().pop().expect("told").1;
        assert_eq!(
            last["environment_url"],
            "https://shop-preview-acme.unkey.test"
        );
        assert_eq!(last["description"], "Deployment is live");
        testbed::eventually(SOON, || async { world.rows()[0].contains("| Ready |") }).await;
        assert!(!world.remembers(&id).await, "everything is told");
        testbed::assert_quiet(&[&id]).await;
    });
}

#[test]
fn g4_a_deployment_that_github_has_is_used() {
    testbed::scenario!("G-4");
    testbed::run(async {
        let world = World::new().await;
        let id = world.deployment("building").await;
        let mut body = world.production();
        body["existingGithubDeploymentId"] = "9".into();
        body["branch"] = "".into();
        world.init(&id, body).await;
        assert!(world.fake.deployments().is_empty());
        assert_eq!(world.fake.statuses()[0].0, "9");
        world.report(&id, "SUCCESS", "").await;
    });
}

#[test]
fn g5_without_a_pull_request_there_are_statuses_only() {
    testbed::scenario!("G-5");
    testbed::run(async {
        let world = World::new().await;
        let id = world.deployment("building").await;
        world.init(&id, world.production()).await;
        world.report(&id, "SUCCESS", "Deployment is live").await;
        assert_eq!(world.states(), ["pending", "success"]);
        assert!(world.fake.seen("GET /repos/acme/shop/issues").is_empty());
        assert!(world.fake.comments().is_empty());
        assert_eq!(world.fake.seen("GET /repos/acme/shop/pulls").len(), 1);
    });
}

#[test]
fn g6_g8_without_an_installation_or_before_init_nothing_is_told() {
    testbed::scenario!("G-6", "G-8");
    testbed::run(async {
        let world = World::new().await;
        let id = world.deployment("building").await;
        world.report(&id, "SUCCESS", "early").await;
        for (field, nothing) in [
            ("installationId", json!("0")),
            ("repo", json!("")),
            ("repo", json!("a/b/c#d")),
        ] {
            let mut body = world.preview("web");
            body[field] = nothing;
            world.init(&id, body).await;
        }
        world.report(&id, "SUCCESS", "early").await;
        assert!(world.fake.seen("").is_empty());
        assert!(!world.remembers(&id).await);
    });
}

#[test]
fn g7_an_outage_of_github_fails_nobody_and_the_end_is_told_after_it() {
    testbed::scenario!("G-7");
    testbed::run(async {
        let world = World::new().await;
        let id = world.deployment("ready").await;
        world.init(&id, world.production()).await;
        let down = std::iter::repeat_n(Trouble::Answer(500, &[], "down"), 6);
        world.fake.trouble(down);
        world.report(&id, "SUCCESS", "Deployment is live").await;
        assert_eq!(world.states(), ["pending"], "nobody heard it");
        assert!(world.remembers(&id).await);
        testbed::eventually(SOON, || async { world.states() == ["pending", "success"] }).await;
        testbed::eventually(SOON, || async { !world.remembers(&id).await }).await;
        testbed::assert_quiet(&[&id]).await;
    });
}

#[test]
fn a_rate_limit_is_left_alone_and_the_end_told_later() {
    testbed::run(async {
        let world = World::new().await;
        let id = world.deployment("failed").await;
        world.init(&id, world.production()).await;
        world
            .fake
            .trouble([Trouble::Answer(403, &[("retry-after", "2")], "{}")]);
        // told, or looked whether it was told already
        let asked = || {
            let of = |method: &str| {
                world
                    .fake
                    .seen(&format!("{method} /repos/acme/shop/deployments/"))
            };
            of("GET").len() + of("POST").len()
        };
        let before = asked();
        world.report(&id, "FAILURE", "Finalization failed").await;
        let asked = asked() - before;
        assert_eq!(asked, 1, "asked once, then left alone");
        testbed::eventually(SOON, || async { world.states() == ["pending", "failure"] }).await;
    });
}

#[test]
fn g9_an_error_is_an_error_and_its_line_says_failed() {
    testbed::scenario!("G-9");
    testbed::run(async {
        let world = World::new().await;
        let id = world.deployment("building").await;
        world.init(&id, world.preview("web")).await;
        world
            .report(&id, "ERROR", "The build could not be started.")
            .await;
        assert_eq!(world.states(), ["pending", "error"]);
        testbed::eventually(SOON, || async {
            world
                .rows()
                .first()
                .is_some_and(|r| r.contains("| Failed |"))
        })
        .await;
    });
}
