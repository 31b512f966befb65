//! The sweep over idle previews: who goes to sleep, who does not, and that every environment is visited.

use crate::world::{deploy_deps, endpoint, execute, text};
use intent::{Fixture, NewDeployment};
use mysql::{Db, Options};
use request_counts::{CountFuture, CountQuery, RequestCounts};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use testbed::{Restate, RestateOptions};

const HOUR: i64 = 3_600_000;
/// Environments beside the two of the app.
const OTHERS: usize = 2_000;
/// Environments a page of the sweep has.
const PAGE: usize = 100;

/// One request for this deployment, none for any other.
struct Once(String);

impl RequestCounts for Once {
    fn count<'a>(&'a self, query: CountQuery<'a>) -> CountFuture<'a> {
        let count = u64::from(query.deployment_id == self.0);
        Box::pin(std::future::ready(Ok(count)))
    }
}

/// `desired_state` of a deployment.
async fn state(db: &Db, id: &str) -> String {
    let sql = "SELECT CAST(desired_state AS CHAR) AS t FROM deployments WHERE id = ?";
    text(db, sql, [id.into()]).await
}

/// A deployment that was created and updated so many hours ago.
async fn aged(db: &Db, new: &NewDeployment, created: i64, updated: i64) -> String {
    let id = intent::create_deployment(db, new).await.expect("a row");
    let now = mysql::now_ms();
    let sql = "UPDATE deployments SET created_at = ?, updated_at = ? WHERE id = ?";
    let at = |hours: i64| (now - hours * HOUR).into();
    execute(db, sql, [at(created), at(updated), id.as_str().into()]).await;
    id
}

#[test]
fn dep_50_only_previews_without_requests_for_six_hours_sleep_and_all_are_visited() {
    testbed::scenario!("DEP-50");
    testbed::run(async {
        // A sweep looks at every environment there is, so it has a database of its own.
        let database = testbed::migrated_database("idle").await;
        let db = Db::connect(&Options::new(database.dsn.clone()))
            .await
            .expect("connect");
        let app = Fixture::new(&db).regions(1).create().await.expect("an app");
        let preview = || NewDeployment::preview(&app.app_id).status("ready");
        let idle = aged(&db, &preview(), 8, 8).await;
        let busy = aged(&db, &preview(), 8, 8).await;
        let young = aged(&db, &preview(), 5, 5).await;
        let touched = aged(&db, &preview(), 8, 5).await;
        let failed = aged(
            &db,
            &NewDeployment::preview(&app.app_id).status("failed"),
            8,
            8,
        )
        .await;
        let production = NewDeployment::production(&app.app_id).status("ready");
        let production = aged(&db, &production, 8, 8).await;
        // many more environments, each of an app of its own; in the last one something is idle
        let rows: Vec<String> = (0..OTHERS)
            .map(|n| format!("('env_other{n}', 'ws', 'proj', 'app_other{n}', 'preview', 1)"))
            .collect();
        let sql = format!(
            "INSERT INTO environments (id, workspace_id, project_id, app_id, slug, created_at) VALUES {}",
            rows.join(", ")
        );
        execute(&db, &sql, []).await;
        let last = aged(&db, &preview(), 8, 8).await;
        let sql = "UPDATE deployments SET environment_id = ? WHERE id = ?";
        let environment = format!("env_other{}", OTHERS - 1);
        execute(&db, sql, [environment.into(), last.as_str().into()]).await;

        let mut deps = deploy_deps(&db);
        deps.timings.idle_window = deploy::Timings::default().idle_window;
        assert_eq!(deps.timings.idle_window, Duration::from_secs(6 * 3_600));
        deps.counts = Arc::new(Once(busy.clone()));
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let _served = testbed::serve_on(&restate, endpoint(&db, &deps)).await;
        let handler = "ScaleDownIdlePreviewDeployments";
        let sweep = restate
            .ingress()
            .call(
                deploy_client::SERVICE,
                "scale-down-idle",
                handler,
                &json!({}),
            )
            .await;
        sweep.expect("swept");
        for id in [&idle, &last] {
            testbed::eventually(Duration::from_secs(30), || async {
                let found = state(&db, id).await;
                if found == "standby" {
                    Ok(())
                } else {
                    Err(found)
                }
            })
            .await;
        }
        for (id, why) in [
            (&busy, "it had a request"),
            (&young, "it is young"),
            (&touched, "it was updated"),
            (&failed, "it is not ready"),
            (&production, "it is no preview"),
        ] {
            assert_eq!(state(&db, id).await, "running", "{why}");
        }
        let pages = format!(
            "SELECT COUNT(*) AS n FROM sys_invocation WHERE target_handler_name = '{handler}' AND status = 'completed'"
        );
        testbed::eventually(Duration::from_secs(10), || async {
            let rows = restate.admin().query(&pages).await.expect("invocations");
            rows[0]["n"].as_u64() == Some((OTHERS / PAGE + 1) as u64)
        })
        .await;
    });
}
