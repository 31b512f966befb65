//! Which commit is built, and what the deployment tells of it.

use intent::NewDeployment;
use serde_json::json;

use crate::world::*;

#[test]
fn dep_3_a_git_source_by_sha_is_looked_up_built_and_pushed() {
    testbed::scenario!("DEP-3");
    testbed::run(async {
        let world = World::new().await;
        let id = world.production().await;
        let mut source = world.source();
        source["contextPath"] = "/sub".into();
        world.deploy(&id, source).await.expect("deployed");
        assert_eq!(world.column(&id, "status").await, "ready");
        assert_eq!(
            world.column(&id, "git_commit_message").await,
            "Fix the cart"
        );
        assert_eq!(world.column(&id, "git_commit_author_handle").await, "octo");
        let solves = world.solves(&id);
        assert_eq!(solves.len(), 1);
        let image = format!("127.0.0.1:5000/apps:{}-{id}", world.app.project_id);
        assert_eq!(solves[0].image(), image);
        assert_eq!(
            solves[0].context(),
            format!("https://github.com/acme/shop.git#{SHA}:sub")
        );
        assert_eq!(solves[0].frontend["platform"], "linux/amd64");
        assert_eq!(solves[0].frontend["filename"], "Dockerfile");
        assert_eq!(world.column(&id, "image").await, image);
        let build = world.build(&id).await.expect("a build");
        assert_eq!(world.column(&id, "build_id").await, build.id);
        assert_eq!(build.finishes, [build_testbed::Finish::Success]);
        assert!(build.health_reports > 0);
    });
}

#[test]
fn dep_4_a_git_source_by_branch_is_pinned_to_its_head() {
    testbed::scenario!("DEP-4");
    testbed::run(async {
        let world = World::new().await;
        let id = world.production().await;
        let mut source = world.source();
        source["commitSha"] = "".into();
        source["branch"] = "main".into();
        world.deploy(&id, source).await.expect("deployed");
        assert_eq!(world.column(&id, "git_commit_sha").await, SHA);
        assert_eq!(world.column(&id, "git_branch").await, "main");
        assert!(world.solves(&id)[0].context().ends_with(&format!("#{SHA}")));
        let sql = "SELECT GROUP_CONCAT(fully_qualified_domain_name) AS t FROM frontline_routes WHERE deployment_id = ?";
        let hosts = crate::query::text(&world.bound.db, sql, [id.as_str().into()]).await;
        assert!(
            hosts.contains("-git-0123456-") && hosts.contains("-git-main-"),
            "{hosts}"
        );
        let states = world.states(&id, "success").await;
        assert_eq!(states.first().map(String::as_str), Some("pending"));
        let number = world.column(&id, "github_deployment_id").await;
        let made = world.bound.github.deployments();
        let ours: Vec<_> = made
            .iter()
            .filter(|d| d["id"].as_i64().is_some_and(|n| n.to_string() == number))
            .collect();
        assert_eq!(ours.len(), 1);
        assert_eq!(ours[0]["ref"], SHA);
    });
}

#[test]
fn dep_5_unauthenticated_mode_reads_as_anybody_does() {
    testbed::scenario!("DEP-5");
    testbed::run(async {
        let shape = Shape {
            allow_unauthenticated: true,
            ..Shape::default()
        };
        let world = World::on(Bound::alone(shape).await).await;
        let sql = "UPDATE github_repo_connections SET repository_full_name = 'acme/open' WHERE app_id = ?";
        crate::query::execute(&world.bound.db, sql, [world.app.app_id.as_str().into()]).await;
        let id = world.production().await;
        let source = json!({ "installationId": "42", "repository": "acme/open", "commitSha": SHA });
        world.deploy(&id, source).await.expect("deployed");
        assert!(
            world
                .bound
                .github
                .seen("GET /repos/acme/open/commits")
                .is_empty()
        );
        let by_branch = world.production().await;
        let source = json!({ "installationId": "42", "repository": "acme/open", "branch": "main" });
        world.deploy(&by_branch, source).await.expect("deployed");
        let asked = world.bound.github.seen("GET /repos/acme/open/commits");
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].bearer, None);
        for solve in world.bound.depot.buildkit().solves() {
            let names: Vec<&String> = solve.secrets.keys().collect();
            assert!(
                !names.iter().any(|n| n.starts_with("GIT_AUTH")),
                "{names:?}"
            );
        }
    });
}

#[test]
fn a_branch_that_is_gone_is_told_at_once() {
    testbed::run(async {
        let world = World::new().await;
        let id = world.production().await;
        let mut source = world.source();
        source["commitSha"] = "".into();
        source["branch"] = "gone".into();
        let error = world.deploy(&id, source).await.expect_err("refused");
        assert!(error.to_string().contains("CW0049"), "{error}");
        assert_eq!(world.column(&id, "status").await, "failed");
        let told = world.step_error(&id, "building").await;
        assert!(
            told.contains("`gone`") && told.contains("settings"),
            "{told}"
        );
        assert!(world.solves(&id).is_empty());
    });
}

#[test]
fn sources_that_cannot_be_are_refused_with_a_reason() {
    testbed::run(async {
        let world = World::new().await;
        for (field, value, words) in [
            ("repository", "acme/other", "connected to"),
            ("commitSha", "--upload-pack=x", "hexadecimal"),
            ("contextPath", "../..", "leaves the repository"),
            ("dockerfilePath", "a/../../x", "leaves the repository"),
        ] {
            let id = world
                .create(&NewDeployment::preview(&world.app.app_id))
                .await;
            let mut source = world.source();
            source[field] = value.into();
            let error = world.deploy(&id, source).await.expect_err("refused");
            let told = world.step_error(&id, "building").await;
            assert!(
                told.to_lowercase().contains(words),
                "{field}={value}: {told}; {error}"
            );
            assert_eq!(world.column(&id, "status").await, "failed");
        }
    });
}
