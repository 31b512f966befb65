//! The comment on a pull request: one for all apps, ours alone, and no line of it lost.

use github_fake::APP;
use serde_json::json;

use crate::world::*;

#[test]
fn g2_g11_apps_of_one_pull_request_share_a_comment_and_lose_no_line() {
    testbed::scenario!("G-2", "G-11");
    testbed::run(async {
        let world = World::new().await;
        let apps = ["web", "api", "jobs", "docs", "mail", "cron"];
        let mut ids = Vec::new();
        for _ in apps {
            ids.push(world.deployment("building").await);
        }
        let all = apps.iter().zip(&ids).map(|(app, id)| {
            let world = &world;
            async move {
                world.init(id, world.preview(app)).await;
                world.report(id, "IN_PROGRESS", "").await;
                world.report(id, "SUCCESS", "").await;
            }
        });
        futures::future::join_all(all).await;
        testbed::eventually(SOON, || async {
            let rows = world.rows();
            rows.len() == apps.len() && rows.iter().all(|r| r.contains("| Ready |"))
        })
        .await;
        assert_eq!(world.fake.comments().len(), 1);
        testbed::assert_quiet(&ids).await;
    });
}

#[test]
fn g12_a_marker_that_somebody_else_has_written_is_not_ours() {
    testbed::scenario!("G-12");
    testbed::run(async {
        let world = World::new().await;
        let planted = "<!-- unkey-deploy --> | <!-- row:web:preview --> planted |";
        world.fake.comment(world.pull, planted, None);
        world.fake.comment(world.pull, planted, Some(APP + 1));
        let id = world.deployment("building").await;
        world.init(&id, world.preview("web")).await;
        testbed::eventually(SOON, || async { world.rows().len() == 1 }).await;
        world.report(&id, "SUCCESS", "").await;
        testbed::eventually(SOON, || async { world.rows()[0].contains("| Ready |") }).await;
        let comments = world.fake.comments();
        assert_eq!(comments.len(), 3);
        assert!(
            comments[..2].iter().all(|c| c["body"] == planted),
            "{comments:?}"
        );
    });
}

#[test]
fn a_comment_that_is_there_is_gone_on_with_and_one_that_was_deleted_is_written_anew() {
    testbed::run(async {
        let world = World::new().await;
        let theirs = "<!-- unkey-deploy -->\nhead\n| <!-- row:old:preview --> **shop / old** (preview) | Ready | — | — | x |";
        let first = world.fake.comment(world.pull, theirs, Some(APP));
        let id = world.deployment("building").await;
        world.init(&id, world.preview("web")).await;
        testbed::eventually(SOON, || async { world.rows().len() == 2 }).await;
        assert_eq!(world.fake.comments()[0]["id"], first);
        world.fake.remove_comment(first);
        world.report(&id, "SUCCESS", "").await;
        testbed::eventually(SOON, || async { world.rows().len() == 2 }).await;
        assert!(world.rows()[1].contains("| Ready |"));
    });
}

#[test]
fn a_row_under_another_ones_key_is_refused() {
    testbed::run(async {
        let world = World::new().await;
        let ingress = testbed::ingress().await;
        let body = json!({ "installationId": "42", "repo": "acme/shop", "pull": "7", "row": "a:b", "text": "| x |" });
        for (key, wrong) in [
            ("acme/shop#8", body.clone()),
            ("acme/shop#7", {
                let mut body = body.clone();
                body["text"] = "| x |\n# heading".into();
                body
            }),
        ] {
            let refused = ingress
                .call(github_comment_client::SERVICE, key, "SetRow", &wrong)
                .await
                .expect_err(key);
            assert_eq!(refused.status(), Some(400));
            assert!(refused.message().is_some_and(|m| m.contains("CW0001")));
        }
        assert!(world.fake.seen("").is_empty());
    });
}
