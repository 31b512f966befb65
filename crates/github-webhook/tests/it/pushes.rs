//! Which deployments a push becomes.

use github_fake::{INSTALLATION, REPOSITORY, Trouble};
use intent::{Fixture, Runtime};
use serde_json::json;

use crate::world::*;

#[test]
fn w1_a_push_to_the_default_branch_is_deployed_to_production() {
    testbed::scenario!("W-1");
    testbed::run(async {
        let world = World::new().await;
        let runtime = Runtime {
            port: 3_000,
            ..Runtime::default()
        };
        let app = world
            .connected(Fixture::new(&world.db).runtime(runtime))
            .await;
        let production = &app.production_environment_id;
        intent::set_build(&world.db, production, "web", "web/Dockerfile", &[])
            .await
            .expect("set");
        intent::add_environment_variable(&world.db, &app, production, "TOKEN", "sealed")
            .await
            .expect("added");
        world.handle(&world.push("main", &sha('a'), "d1")).await;
        let row = world.row(&app).await;
        assert_eq!(row.environment_id, *production);
        assert_eq!(
            (row.status.as_str(), row.desired_state.as_str()),
            ("pending", "running")
        );
        assert_eq!(row.workspace_id, app.workspace_id);
        assert_eq!(
            (row.sha.as_deref(), row.branch.as_deref()),
            (Some(sha('a').as_str()), Some("main"))
        );
        assert_eq!(
            (row.message.as_deref(), row.handle.as_deref()),
            (Some("Fix the cart"), Some("octo"))
        );
        assert_eq!(
            (row.timestamp, row.pull, row.fork.clone()),
            (Some(1_700_000_000_000), None, None)
        );
        assert_eq!(
            (row.port, row.secrets()),
            (3_000, r#"{"secrets":{"TOKEN":"sealed"}}"#)
        );
        assert_eq!(row.k8s_name.len(), 12);
        assert_eq!(row.queued_at, u64::try_from(row.created_at).ok());
        assert_eq!((row.queued_until, row.error.clone()), (None, None));
        let source = json!({
            "installationId": INSTALLATION.to_string(), "repository": REPOSITORY, "commitSha": sha('a'),
            "contextPath": "web", "dockerfilePath": "web/Dockerfile",
        });
        assert_eq!(
            world.sent(&app, &row.id).await,
            [(
                app.workspace_id.clone(),
                json!({ "deploymentId": row.id, "git": source })
            )]
        );
        assert!(world.fake.seen("").is_empty(), "GitHub need not be asked");
    });
}

#[test]
fn w2_w12_any_other_branch_is_a_preview_and_each_app_has_its_own_default_branch() {
    testbed::scenario!("W-2", "W-12");
    testbed::run(async {
        let world = World::new().await;
        let main = world.app().await;
        let trunk = world
            .connected(Fixture::new(&world.db).default_branch("trunk"))
            .await;
        let empty = world
            .connected(Fixture::new(&world.db).default_branch(""))
            .await;
        for (branch, at, live) in [
            ("main", 0, [true, false, true]),
            ("trunk", 1, [false, true, false]),
            ("Main", 2, [false, false, false]),
            ("feature", 3, [false, false, false]),
        ] {
            world.handle(&world.push(branch, &sha('a'), branch)).await;
            for (app, live) in [&main, &trunk, &empty].into_iter().zip(live) {
                let rows = world.rows(app).await;
                assert_eq!(rows.len(), at + 1);
                let expected = match live {
                    true => &app.production_environment_id,
                    false => &app.preview_environment_id,
                };
                assert_eq!(rows[at].environment_id, *expected, "{branch}");
                assert_eq!(rows[at].status, "pending");
            }
        }
    });
}

#[test]
fn w4_a_push_that_concerns_no_watched_path_is_skipped() {
    testbed::scenario!("W-4");
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let preview = &app.preview_environment_id;
        intent::add_environment_variable(&world.db, &app, preview, "TOKEN", "sealed")
            .await
            .expect("added");
        intent::set_build(&world.db, preview, "", "", &["src/**"])
            .await
            .expect("set");
        let mut push = world.push("feature", &sha('a'), "d1");
        push["changedFiles"] = json!(["docs/x", "README.md"]);
        world.handle(&push).await;
        let row = world.row(&app).await;
        assert_eq!((row.status.as_str(), row.secrets()), ("skipped", ""));
        assert!(row.queued_until.is_some() && row.error.is_none());
        assert!(world.sent(&app, &row.id).await.is_empty());
        let next = world.push("feature", &sha('b'), "d2");
        world.handle(&next).await;
        let rows = world.rows(&app).await;
        assert_eq!(rows[1].status, "pending", "src/cart.rs");
        assert_eq!(world.sent(&app, &rows[1].id).await.len(), 1);
    });
}

#[test]
fn a_list_with_a_gap_is_asked_of_github() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        intent::set_build(&world.db, &app.preview_environment_id, "", "", &["src/**"])
            .await
            .expect("set");
        let (a, b, c) = (sha('a'), sha('b'), sha('c'));
        let push = |branch: &str, before: &str, after: &str| {
            let mut push = world.push(branch, after, &format!("{branch}-{after}"));
            push["before"] = before.into();
            push["changedFiles"] = json!(["docs/x"]);
            push["changedFilesIncomplete"] = true.into();
            push
        };
        let last = || async { world.rows(&app).await.pop().expect("a row") };
        world
            .fake
            .comparison(&format!("{a}...{b}"), "ahead", &["docs/x", "src/y"]);
        world.handle(&push("one", &a, &b)).await;
        assert_eq!(last().await.status, "pending");
        // a forced push: what it takes back counts too
        world
            .fake
            .comparison(&format!("{a}...{c}"), "diverged", &["docs/x"]);
        world
            .fake
            .comparison(&format!("{c}...{a}"), "diverged", &["src/gone"]);
        world.handle(&push("two", &a, &c)).await;
        assert_eq!(last().await.status, "pending");
        // a new branch is compared with the default one
        world
            .fake
            .comparison(&format!("main...{a}"), "ahead", &["docs/x"]);
        world.handle(&push("three", &sha('0'), &a)).await;
        assert_eq!(last().await.status, "skipped");
        // nobody knows: better one too many
        world.fake.trouble([Trouble::Answer(404, &[], "{}")]);
        world.handle(&push("four", &a, &b)).await;
        assert_eq!(last().await.status, "pending");
        let down = std::iter::repeat_n(Trouble::Answer(500, &[], "down"), 6);
        world.fake.trouble(down);
        world.handle(&push("five", &a, &b)).await;
        assert_eq!(last().await.status, "pending");
        assert_eq!(world.rows(&app).await.len(), 5);
    });
}

#[test]
fn w5_w6_each_app_of_the_repository_is_deployed_and_nobody_elses() {
    testbed::scenario!("W-5", "W-6");
    testbed::run(async {
        let world = World::new().await;
        let apps = [world.app().await, world.app().await];
        let stranger = Fixture::new(&world.db).await;
        intent::connect_repository(
            &world.db,
            &stranger,
            INSTALLATION + 1,
            world.repository,
            REPOSITORY,
        )
        .await
        .expect("connected");
        world.handle(&world.push("main", &sha('a'), "d1")).await;
        for app in &apps {
            let row = world.row(app).await;
            assert_eq!(world.sent(app, &row.id).await.len(), 1);
        }
        let mut unknown = world.push("main", &sha('b'), "d2");
        unknown["repositoryId"] = "1".into();
        world.handle(&unknown).await;
        assert_eq!(world.rows(&apps[0]).await.len(), 1);
        assert!(
            world.rows(&stranger).await.is_empty(),
            "another installation"
        );
    });
}
