//! What cannot be a push, and an app that cannot be deployed.

use serde_json::{Value, json};

use crate::world::*;

#[test]
fn what_is_no_push_is_refused_with_a_reason() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let good = world.push("main", &sha('a'), "d1");
        for (field, bad) in [
            ("branch", json!("--upload-pack=x")),
            ("branch", json!("")),
            ("after", json!("")),
            ("after", json!("main")),
            ("repositoryFullName", json!("acme/../shop")),
            ("isForkPr", json!(true)),
        ] {
            let mut body = good.clone();
            body[field] = bad;
            let refused = world.call("HandlePush", &body).await.expect_err(field);
            assert_eq!(refused.status(), Some(400), "{field}");
            assert!(refused.message().is_some_and(|m| m.starts_with("CW0001: ")));
        }
        let close = json!({ "repositoryFullName": "acme/shop", "branch": "fix" });
        let refused = world.call("ClosePullRequest", &close).await;
        assert_eq!(refused.expect_err("no number").status(), Some(400));
        assert!(world.rows(&app).await.is_empty());
    });
}

#[test]
fn an_app_that_cannot_be_deployed_keeps_no_other_from_it() {
    testbed::run(async {
        let world = World::new().await;
        let [bad, gone, good] = [world.app().await, world.app().await, world.app().await];
        world
            .execute(
                "UPDATE app_build_settings SET watch_paths = '{\"no\": \"list\"}' WHERE app_id = ?",
                [bad.app_id.as_str().into()],
            )
            .await;
        world
            .execute(
                "DELETE FROM environments WHERE app_id = ?",
                [gone.app_id.as_str().into()],
            )
            .await;
        let push = world.push("main", &sha('a'), "d1");
        let told = world.call("HandlePush", &push).await.expect_err("told");
        let told = told.message().unwrap_or_default();
        assert!(
            told.contains(&bad.app_id) && told.contains("watch paths"),
            "{told}"
        );
        let row = world.row(&good).await;
        assert_eq!(world.sent(&good, &row.id).await.len(), 1);
        assert!(world.rows(&bad).await.is_empty() && world.rows(&gone).await.is_empty());
    });
}

#[test]
fn a_delivery_without_an_id_and_one_of_another_writer_are_taken() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let mut body = world.push("main", &sha('a'), "");
        // as the control API of today writes it
        for field in ["before", "changedFilesIncomplete", "deliveryId"] {
            body.as_object_mut().map(|body| body.remove(field));
        }
        body["installationId"] = Value::from(github_fake::INSTALLATION);
        for _ in 0..2 {
            world.handle(&body).await;
            assert_eq!(world.row(&app).await.status, "pending");
        }
    });
}
