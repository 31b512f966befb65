//! Deleting an environment with many rows, beside the same rows deleted by statements sent straight to the database.
//! Not for the wait until the edge has let go: nothing here runs.

use std::time::{Duration, Instant};

use intent::{AppRows, Fixture, NewDeployment};
use mysql::sea_orm::Value;
use serde_json::json;

use crate::Result;
use crate::report::{Report, Row};
use crate::sql::{self, execute, marks, number, rows};
use crate::stack::Stack;
use crate::stats::seconds;

/// Rows of one deployment: itself, a step, a workload that is asleep, a policy, a document.
const EACH: usize = 5;
/// Deployments in one transaction of the raw rate, as the worker takes them.
const CHUNK: usize = 500;
/// Longer than any delete here takes.
const PATIENCE: Duration = Duration::from_secs(300);
/// Tables with rows of a deployment, and the index that finds them.
const TABLES: [(&str, &str); 4] = [
    ("deployment_topology", "unique_region_per_deployment"),
    ("cilium_network_policies", "idx_deployment_region"),
    ("deployment_steps", "unique_step_per_deployment"),
    ("openapi_specs", "workspace_deployment_idx"),
];

/// `count`: rows of the environment, about.
pub(crate) async fn measure(stack: &Stack, count: usize, report: &mut Report) -> Result<()> {
    let deployments = count / EACH;
    let (raw_app, app) = (
        seed(stack, deployments).await?,
        seed(stack, deployments).await?,
    );
    sql::settle(&stack.db).await?;
    let raw = raw(stack, &raw_app).await?;
    sql::settle(&stack.db).await?;

    let worker = stack.worker_with("[scheduler]\nenabled = false\n").await?;
    let environment = app.preview_environment_id.as_str();
    let begun = Instant::now();
    // A delete goes in rounds, each a message of the object to itself: what counts is when the last row is gone.
    stack
        .ingress
        .send(
            "hydra.v1.EnvironmentService",
            environment,
            "Delete",
            &json!({}),
            None,
        )
        .await?;
    let took = loop {
        // Its own row goes last, and is found at once; only then are the others counted.
        let own = "SELECT COUNT(*) AS n FROM environments WHERE id = ?";
        let own = number(&stack.db, own, vec![environment.into()]).await?;
        let took = begun.elapsed();
        if own == 0 && left(stack, environment).await? == 0 {
            break took;
        }
        if took > PATIENCE {
            let left = left(stack, environment).await?;
            return Err(format!("{left} rows of the environment are left after {took:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    worker.stop().await?;
    let ratio = took.as_secs_f64() / raw.as_secs_f64();
    let figure = format!(
        "{} ({:.0} rows/s); raw {} ({:.0} rows/s); {ratio:.2} times",
        seconds(took),
        rate(count, took),
        seconds(raw),
        rate(count, raw)
    );
    let what = format!(
        "delete of an environment with {count} rows, nothing of it running, from the call until its own row is gone; raw: the same \
         rows, one connection, {CHUNK} deployments a transaction"
    );
    report.add(
        Row::new("delete-environment", what, figure).aim("at most 1.3 times raw", ratio <= 1.3),
    );
    Ok(())
}

fn rate(rows: usize, took: Duration) -> f64 {
    rows as f64 / took.as_secs_f64()
}

async fn seed(stack: &Stack, deployments: usize) -> Result<AppRows> {
    let app = Fixture::new(&stack.db).create().await?;
    let new = NewDeployment::preview(&app.app_id).status("stopped");
    intent::create_deployments(&stack.db, &new, deployments).await?;
    let (of, region) = (
        format!("FROM deployments WHERE app_id = '{}'", app.app_id),
        &app.regions[0].id,
    );
    for sql in [
        format!(
            "INSERT INTO deployment_steps (workspace_id, project_id, environment_id, deployment_id, app_id, step, started_at, ended_at)
             SELECT workspace_id, project_id, environment_id, id, app_id, 'starting', 1, 2 {of}"
        ),
        format!(
            "INSERT INTO deployment_topology (workspace_id, deployment_id, region_id, version, desired_status, created_at, updated_at)
             SELECT workspace_id, id, '{region}', pk, 'stopped', 1, 1 {of}"
        ),
        format!(
            "INSERT INTO cilium_network_policies (id, workspace_id, project_id, app_id, environment_id, deployment_id, k8s_name, k8s_namespace, region_id, policy, version, created_at)
             SELECT CONCAT('net_', pk), workspace_id, project_id, app_id, environment_id, id, 'p', 'n', '{region}', '{{}}', pk, 1 {of}"
        ),
        format!(
            "INSERT INTO openapi_specs (id, workspace_id, deployment_id, content, created_at)
             SELECT CONCAT('oas_', pk), workspace_id, id, '{{}}', 1 {of}"
        ),
    ] {
        execute(&stack.db, &sql).await?;
    }
    Ok(app)
}

/// The same rows in transactions of the same size, without a worker.
async fn raw(stack: &Stack, app: &AppRows) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        let sql = format!(
            "SELECT pk, id FROM deployments WHERE project_id = ? AND environment_id = ? ORDER BY pk LIMIT {CHUNK}"
        );
        let of = vec![
            app.project_id.as_str().into(),
            app.preview_environment_id.as_str().into(),
        ];
        let chunk = rows(&stack.db, &sql, of).await?;
        if chunk.is_empty() {
            return Ok(begun.elapsed());
        }
        let mut ids: Vec<Value> = Vec::new();
        let mut pks: Vec<Value> = Vec::new();
        for row in &chunk {
            ids.push(row.try_get::<String>("", "id")?.into());
            pks.push(row.try_get::<u64>("", "pk")?.into());
        }
        let tx = stack.db.begin().await?;
        for (table, index) in TABLES {
            let owner = if table == "openapi_specs" {
                "t.workspace_id = ? AND "
            } else {
                ""
            };
            let sql = format!(
                "DELETE t FROM {table} t FORCE INDEX ({index}) WHERE {owner}t.deployment_id IN ({})",
                marks(ids.len())
            );
            let workspace = (!owner.is_empty()).then(|| app.workspace_id.as_str().into());
            mysql::sql::execute(&*tx, &sql, workspace.into_iter().chain(ids.iter().cloned()))
                .await?;
        }
        let sql = format!(
            "DELETE t FROM deployments t FORCE INDEX (PRIMARY) WHERE t.pk IN ({})",
            marks(pks.len())
        );
        mysql::sql::execute(&*tx, &sql, pks).await?;
        tx.commit().await?;
    }
}

/// Rows that still name the environment, its own included.
async fn left(stack: &Stack, environment: &str) -> Result<i64> {
    let mut left = 0;
    for (table, column) in [
        ("environments", "id"),
        ("deployments", "environment_id"),
        ("deployment_steps", "environment_id"),
        ("cilium_network_policies", "environment_id"),
    ] {
        let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE {column} = ?");
        left += number(&stack.db, &sql, vec![environment.into()]).await?;
    }
    Ok(left)
}
