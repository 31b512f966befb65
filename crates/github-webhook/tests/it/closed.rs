//! A pull request is closed, and its preview goes.

use github_fake::{INSTALLATION, REPOSITORY};
use intent::{AppRows, NewDeployment};
use serde_json::{Value, json};

use crate::world::*;

fn closed(world: &World, branch: &str, is_fork: bool) -> Value {
    json!({
        "installationId": INSTALLATION.to_string(), "repositoryId": world.repository.to_string(), "repositoryFullName": REPOSITORY,
        "prNumber": "7", "branch": branch, "isFork": is_fork, "deliveryId": "d",
    })
}

async fn deployment(
    world: &World,
    app: &AppRows,
    branch: &str,
    fork: bool,
    status: &'static str,
) -> String {
    let mut new = NewDeployment::preview(&app.app_id)
        .git(branch, "abc")
        .status(status);
    if fork {
        new.pr_number = Some(7);
        new.fork_repository_full_name = Some("octo/shop".to_owned());
    }
    let id = intent::create_deployment(&world.db, &new)
        .await
        .expect("a row");
    for sticky in ["deployment", "environment"] {
        world
            .execute(
                "INSERT INTO frontline_routes (id, project_id, app_id, environment_id, deployment_id, fully_qualified_domain_name, sticky, created_at)
                 SELECT CONCAT('flr_', ?, id), project_id, app_id, environment_id, id, CONCAT(?, '-', LOWER(id), '.test'), ?, 1 FROM deployments WHERE id = ?",
                [sticky.into(), sticky.into(), sticky.into(), id.as_str().into()],
            )
            .await;
    }
    id
}

#[derive(Debug, PartialEq, Eq, mysql::sea_orm::FromQueryResult)]
struct State {
    status: String,
    desired_state: String,
    routes: i64,
}

async fn state(world: &World, id: &str) -> State {
    let sql = "SELECT CAST(status AS CHAR) AS status, CAST(desired_state AS CHAR) AS desired_state,
         (SELECT COUNT(*) FROM frontline_routes f WHERE f.deployment_id = d.id) AS routes FROM deployments d WHERE id = ?";
    let row: Option<State> = mysql::sql::one(world.db.primary(), sql, [id.into()])
        .await
        .expect("read");
    row.expect("a deployment")
}

async fn becomes(world: &World, id: &str, status: &str, desired_state: &str, routes: i64) {
    let wanted = State {
        status: status.to_owned(),
        desired_state: desired_state.to_owned(),
        routes,
    };
    testbed::eventually(SOON, || async {
        let found = state(world, id).await;
        if found == wanted { Ok(()) } else { Err(found) }
    })
    .await;
}

#[test]
fn a_closed_pull_request_leaves_no_preview_also_while_one_comes_up() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let up = deployment(&world, &app, "fix", false, "ready").await;
        let coming = deployment(&world, &app, "fix", false, "deploying").await;
        let taking = deployment(&world, &app, "fix", false, "finalizing").await;
        let queued = deployment(&world, &app, "fix", false, "pending").await;
        let others = [
            deployment(&world, &app, "Fix", false, "ready").await,
            deployment(&world, &app, "fix", true, "ready").await,
        ];
        let production = NewDeployment::production(&app.app_id)
            .git("fix", "abc")
            .status("ready");
        let production = intent::create_deployment(&world.db, &production)
            .await
            .expect("a row");
        world
            .call("ClosePullRequest", &closed(&world, "fix", false))
            .await
            .expect("closed");
        becomes(&world, &up, "ready", "archived", 1).await;
        for id in [&coming, &queued] {
            becomes(&world, id, "failed", "running", 1).await;
        }
        // what only came up now goes too
        assert_eq!(state(&world, &taking).await.status, "finalizing");
        world
            .execute(
                "UPDATE deployments SET status = 'ready' WHERE id = ?",
                [taking.as_str().into()],
            )
            .await;
        becomes(&world, &taking, "ready", "archived", 1).await;
        for id in &others {
            becomes(&world, id, "ready", "running", 2).await;
        }
        becomes(&world, &production, "ready", "running", 0).await;
        let rows = world.rows(&app).await;
        let cancelled = rows.iter().find(|r| r.id == queued).expect("a row");
        assert_eq!(
            cancelled.error.as_deref(),
            Some("cancelled by the closing of pull request #7")
        );
        assert_eq!(cancelled.end_reason.as_deref(), Some("cancelled"));
        // what is pushed after it is a preview of its own
        world.handle(&world.push("fix", &sha('b'), "d1")).await;
        let later = world.rows(&app).await.pop().expect("a row");
        world.call("ClosePullRequest", &json!({
            "installationId": INSTALLATION.to_string(), "repositoryId": world.repository.to_string(), "repositoryFullName": REPOSITORY,
            "prNumber": "7", "branch": "fix", "closedAt": (later.created_at - 1).to_string(),
        })).await.expect("looked again");
        assert_eq!(
            world.rows(&app).await.pop().expect("a row").status,
            "pending"
        );
    });
}

#[test]
fn a_forks_pull_request_is_known_by_its_number() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        world
            .handle(&world.fork("of-a-fork", &sha('a'), "d1"))
            .await;
        let up = deployment(&world, &app, "renamed", true, "ready").await;
        let own = deployment(&world, &app, "of-a-fork", false, "ready").await;
        world
            .call("ClosePullRequest", &closed(&world, "of-a-fork", true))
            .await
            .expect("closed");
        let waiting = world.rows(&app).await.remove(0);
        assert_eq!(waiting.status, "failed");
        becomes(&world, &up, "ready", "archived", 1).await;
        becomes(&world, &own, "ready", "running", 2).await;
        let asked = world.fake.seen("GET").into_iter();
        assert_eq!(asked.filter(|s| s.line.contains("of-a-fork")).count(), 0);
    });
}

#[test]
fn a_branch_with_another_open_pull_request_keeps_its_preview() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let up = deployment(&world, &app, "fix", false, "ready").await;
        world.fake.open_pull("acme:fix", 8);
        world
            .call("ClosePullRequest", &closed(&world, "fix", false))
            .await
            .expect("closed");
        becomes(&world, &up, "ready", "running", 2).await;
        // GitHub has not noticed yet that it is closed
        world.fake.open_pull("acme:fix", 7);
        world
            .call("ClosePullRequest", &closed(&world, "fix", false))
            .await
            .expect("closed");
        becomes(&world, &up, "ready", "archived", 2).await;
    });
}
