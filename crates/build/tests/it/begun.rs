//! A build from its beginning to its image.

use builder::Outcome;
use serde_json::{Value, json};

use crate::world::*;

#[test]
fn an_image_is_built_once_and_the_builder_hears_of_it() {
    testbed::run(async {
        let world = world().await;
        let app = world.app().await;
        let id = world.deployment(&app).await;
        let answer = world.build(&id).await.expect("built");
        let seen = world.builder.seen(&id);
        assert_eq!(
            answer,
            json!({
                "image": format!("registry.test/apps:{}-{id}", app.project_id), "buildId": seen.runs[0],
            })
        );
        assert_eq!(seen.runs.len(), 1);
        assert!(matches!(seen.finishes[..], [Outcome::Success]), "{seen:?}");
        let token = seen.tokens[0].as_deref();
        assert!(token.is_some_and(|t| !t.is_empty()), "a token of the App");
        let owners = world.lines.of(&id);
        assert_eq!(owners.len(), 1);
        assert_eq!(owners[0].workspace_id, app.workspace_id);
        // Asked again, the object answers for what it has: nothing new is begun at the builder.
        world.set_status(&id, "ready").await;
        assert!(world.build(&id).await.is_err());
        assert_eq!(world.builder.seen(&id).runs.len(), 1);
    });
}

#[test]
fn a_projects_builds_share_its_project_at_the_builder_also_the_first_two_at_once() {
    testbed::run(async {
        let world = world().await;
        let app = world.app().await;
        let (a, b) = (world.deployment(&app).await, world.deployment(&app).await);
        let (x, y) = tokio::join!(world.build(&a), world.build(&b));
        x.expect("built");
        y.expect("built");
        let c = world.deployment(&app).await;
        world.build(&c).await.expect("built");
        assert_eq!(world.builder.projects_of(&app.project_id), 1);
        let project = format!("project-of-test-{}", app.project_id);
        assert_eq!(world.builder.created_in(&project), 3);
    });
}

#[test]
fn a_strangers_code_is_fetched_without_a_token() {
    testbed::run(async {
        let world = world().await;
        let id = world.deployment(&world.app().await).await;
        let mut body = World::request(&id);
        body["isFork"] = true.into();
        let ingress = testbed::ingress().await;
        let _: Value = ingress
            .call(build_client::SERVICE, id.as_str(), "Build", &body)
            .await
            .expect("built");
        assert_eq!(world.builder.seen(&id).tokens, [None]);
    });
}

#[test]
fn what_cannot_be_a_source_is_told_before_anything_is_begun() {
    testbed::run(async {
        let world = world().await;
        let app = world.app().await;
        for (field, value) in [
            ("contextPath", "../other"),
            ("contextPath", "a#b"),
            ("dockerfilePath", "../../etc/passwd"),
            ("repository", "acme/shop.git#main:/"),
            ("repository", "acme"),
            ("commitSha", "--upload-pack=touch"),
        ] {
            let id = world.deployment(&app).await;
            let mut body = World::request(&id);
            body[field] = value.into();
            let ingress = testbed::ingress().await;
            let answer: Value = ingress
                .call(build_client::SERVICE, id.as_str(), "Build", &body)
                .await
                .expect("an answer");
            let told = answer["error"].as_str().unwrap_or_default();
            assert!(!told.is_empty(), "{field}={value}: {answer}");
            assert!(world.builder.seen(&id).runs.is_empty());
        }
    });
}
