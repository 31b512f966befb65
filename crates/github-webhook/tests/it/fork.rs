//! Pull requests of forks: code of strangers, which runs nowhere before somebody of the project has approved it.

use github_fake::{APP, Trouble};
use github_webhook::Settings;

use crate::world::*;

#[test]
fn w3_a_fork_waits_for_an_approval_and_its_commit_says_so() {
    testbed::scenario!("W-3");
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        world.handle(&world.fork("fix", &sha('a'), "d1")).await;
        let row = world.row(&app).await;
        assert_eq!(row.status, "awaiting_approval");
        assert_eq!(row.environment_id, app.preview_environment_id);
        assert_eq!(
            (row.pull, row.fork.as_deref()),
            (Some(7), Some("octo/shop"))
        );
        assert!(row.queued_at.is_some() && row.queued_until.is_none());
        assert!(world.sent(&app, &row.id).await.is_empty());
        let statuses = world.fake.statuses();
        assert_eq!(statuses.len(), 1);
        let (commit, status) = &statuses[0];
        assert_eq!(
            (commit.as_str(), status["state"].as_str()),
            (sha('a').as_str(), Some("failure"))
        );
        assert_eq!(status["context"], "Unkey Deploy Authorization");
        assert_eq!(
            status["description"],
            "Awaiting authorization from a project member"
        );
        let url = format!(
            "{DASHBOARD}/{}/projects/{}/deployments/{}",
            app.workspace_slug, app.project_id, row.id
        );
        assert_eq!(status["target_url"], url.as_str());
    });
}

#[test]
fn w10_a_fork_from_a_branch_called_main_gets_the_variables_of_the_preview_only() {
    testbed::scenario!("W-10");
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        for (environment, value) in [
            (&app.production_environment_id, "of production"),
            (&app.preview_environment_id, "of preview"),
        ] {
            intent::add_environment_variable(&world.db, &app, environment, "TOKEN", value)
                .await
                .expect("added");
        }
        world.handle(&world.fork("main", &sha('a'), "d1")).await;
        let row = world.row(&app).await;
        assert_eq!(row.environment_id, app.preview_environment_id);
        assert_eq!(row.secrets(), r#"{"secrets":{"TOKEN":"of preview"}}"#);
        // the flag alone is lost on the way
        let mut body = world.fork("main", &sha('b'), "d2");
        body["isForkPr"] = false.into();
        world.handle(&body).await;
        let row = world.rows(&app).await.remove(1);
        assert_eq!(row.status, "awaiting_approval");
        assert_eq!(row.environment_id, app.preview_environment_id);
    });
}

#[test]
fn w11_an_outage_of_github_changes_nothing_but_the_status() {
    testbed::scenario!("W-11");
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let down = std::iter::repeat_n(Trouble::Answer(503, &[], "down"), 20);
        world.fake.trouble(down);
        world.handle(&world.fork("fix", &sha('a'), "d1")).await;
        let row = world.row(&app).await;
        assert_eq!(row.status, "awaiting_approval");
        assert!(world.sent(&app, &row.id).await.is_empty());
        assert!(world.fake.statuses().is_empty());
    });
}

#[test]
fn a_fork_waits_also_where_nobody_need_be_authenticated() {
    testbed::run(async {
        let world = World::with(Settings {
            allow_unauthenticated: true,
            ..Settings::default()
        })
        .await;
        let app = world.app().await;
        world.handle(&world.fork("fix", &sha('a'), "d1")).await;
        world.handle(&world.push("fix", &sha('a'), "d2")).await;
        let rows = world.rows(&app).await;
        assert_eq!(rows[0].status, "awaiting_approval");
        assert_eq!(
            rows[1].status, "pending",
            "the repository's own branch of that name"
        );
        assert!(world.fake.statuses().is_empty(), "as {APP} nothing is told");
        assert!(world.sent(&app, &rows[0].id).await.is_empty());
    });
}

#[test]
fn an_installation_can_have_every_push_wait() {
    testbed::run(async {
        let world = World::with(Settings {
            force_approval: true,
            ..Settings::default()
        })
        .await;
        let app = world.app().await;
        world.handle(&world.push("main", &sha('a'), "d1")).await;
        let row = world.row(&app).await;
        assert_eq!(row.status, "awaiting_approval");
        assert_eq!(world.fake.statuses().len(), 1);
        assert!(world.sent(&app, &row.id).await.is_empty());
    });
}

#[test]
fn the_files_of_a_fork_are_those_of_its_pull_request() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        intent::set_build(&world.db, &app.preview_environment_id, "", "", &["src/**"])
            .await
            .expect("set");
        world.fake.pull_files(&["docs/x"]);
        world.handle(&world.fork("fix", &sha('a'), "d1")).await;
        world.fake.pull_files(&["docs/x", "src/y"]);
        world.handle(&world.fork("fix", &sha('b'), "d2")).await;
        let statuses: Vec<String> = world
            .rows(&app)
            .await
            .into_iter()
            .map(|r| r.status)
            .collect();
        assert_eq!(statuses, ["skipped", "awaiting_approval"]);
    });
}
