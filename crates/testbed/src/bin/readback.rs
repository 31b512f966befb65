//! Reads back, over connections of its own, what an app's deployments left in the stores: rows of
//! the database in plain SQL, and what Restate still has in flight. Prints one JSON line.
//!
//! Shares no query with the product, so that the demo does not believe the program it shows. A store
//! that does not answer is told as `{"error": …}` in its place. Not for judging what it reads.

use std::time::{Duration, Instant};

use clap::Parser;
use restate_api::Admin;
use serde_json::{Map, Value, json};
use sqlx::{Column as _, Connection as _, MySqlConnection, Row as _, TypeInfo as _};

/// Longest a store may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Invocations that are about to end, such as sends, get this long.
const SETTLE: Duration = Duration::from_secs(10);

const IN_FLIGHT: &str = "SELECT id, target, status, retry_count, last_failure FROM sys_invocation \
     WHERE status NOT IN ('completed', 'scheduled') ORDER BY created_at";
const COUNTS: &str = "SELECT status, COUNT(*) AS invocations FROM sys_invocation GROUP BY status";

/// Prints rows and invocations of an app as one JSON line.
#[derive(Debug, Parser)]
struct Args {
    /// The database, `mysql://user:password@host:port/name`.
    #[arg(long)]
    mysql: String,
    /// Restate's admin API.
    #[arg(long)]
    admin: String,
    /// Id of the app.
    #[arg(long)]
    app: String,
    /// Do not wait for what is under way in Restate.
    #[arg(long)]
    at_once: bool,
}

fn main() {
    let args = Args::parse();
    let found = testbed::run(async {
        let (database, restate) = tokio::join!(
            bounded(ANSWER, database(&args.mysql, &args.app)),
            bounded(ANSWER + SETTLE, invocations(&args.admin, args.at_once)),
        );
        json!({ "database": database, "restate": restate })
    });
    println!("{found}");
}

async fn bounded(limit: Duration, read: impl Future<Output = Result<Value, String>>) -> Value {
    match tokio::time::timeout(limit, read).await {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => json!({ "error": error }),
        Err(_) => json!({ "error": format!("no answer within {} s", limit.as_secs()) }),
    }
}

async fn database(url: &str, app: &str) -> Result<Value, String> {
    let mut connection = MySqlConnection::connect(url)
        .await
        .map_err(|e| e.to_string())?;
    let mut rows = async |sql: &'static str| -> Result<Vec<Value>, String> {
        let found = sqlx::query(sql).bind(app).fetch_all(&mut connection).await;
        let found = found.map_err(|e| e.to_string())?;
        Ok(found.iter().map(object).collect())
    };
    let app = rows(
        "SELECT id, current_deployment_id AS live_deployment_id, is_rolled_back <> 0 AS rolled_back \
         FROM apps WHERE id = ?",
    )
    .await?;
    let deployments = rows(
        "SELECT id, image, CAST(status AS CHAR) AS status, CAST(desired_state AS CHAR) AS desired_state, \
         project_id, git_branch AS branch, git_commit_sha AS commit_sha, build_id \
         FROM deployments WHERE app_id = ? ORDER BY created_at, pk",
    )
    .await?;
    let steps = rows(
        "SELECT s.deployment_id, CAST(s.step AS CHAR) AS step, s.ended_at IS NOT NULL AS ended, s.error \
         FROM deployment_steps s JOIN deployments d ON d.id = s.deployment_id WHERE d.app_id = ? ORDER BY s.pk",
    )
    .await?;
    let topology = rows(
        "SELECT t.deployment_id, r.name AS region, CAST(t.desired_status AS CHAR) AS desired_status \
         FROM deployment_topology t JOIN deployments d ON d.id = t.deployment_id \
         JOIN regions r ON r.id = t.region_id WHERE d.app_id = ? ORDER BY t.deployment_id, r.name",
    )
    .await?;
    let instances = rows(
        "SELECT i.deployment_id, r.name AS region, CAST(i.status AS CHAR) AS status \
         FROM instances i JOIN deployments d ON d.id = i.deployment_id \
         JOIN regions r ON r.id = i.region_id WHERE d.app_id = ? ORDER BY i.deployment_id, r.name",
    )
    .await?;
    let routes = rows(
        "SELECT fully_qualified_domain_name AS host, CAST(sticky AS CHAR) AS sticky, deployment_id \
         FROM frontline_routes WHERE app_id = ? ORDER BY host",
    )
    .await?;
    let keys = rows(
        "SELECT (SELECT COUNT(*) FROM `keys` k WHERE k.workspace_id = a.workspace_id) AS total, \
         (SELECT COUNT(*) FROM `keys` k WHERE k.workspace_id = a.workspace_id \
          AND k.remaining_requests = k.refill_amount AND k.last_refill_at IS NOT NULL) AS refilled, \
         (SELECT COUNT(*) FROM audit_log l WHERE l.workspace_id = a.workspace_id AND l.event = 'key.update') AS audited \
         FROM apps a WHERE a.id = ?",
    )
    .await?;
    let of = |rows: &[Value], id: &Value| -> Vec<Value> {
        let own = rows.iter().filter(|row| row["deployment_id"] == *id);
        own.map(without_deployment).collect()
    };
    let deployments: Vec<Value> = deployments
        .into_iter()
        .map(|mut deployment| {
            let id = deployment["id"].clone();
            deployment["steps"] = of(&steps, &id).into();
            deployment["topology"] = of(&topology, &id).into();
            deployment["instances"] = of(&instances, &id).into();
            deployment
        })
        .collect();
    let app = app.into_iter().next().unwrap_or(Value::Null);
    let keys = keys.into_iter().next().unwrap_or(Value::Null);
    Ok(json!({ "app": app, "deployments": deployments, "routes": routes, "keys": keys }))
}

/// A row by column names; texts stay texts, numbers numbers.
fn object(row: &sqlx::mysql::MySqlRow) -> Value {
    let mut fields = Map::new();
    for (number, column) in row.columns().iter().enumerate() {
        let value = match column.type_info().name() {
            "BIGINT" | "INT" | "TINYINT" | "BOOLEAN" => row
                .try_get::<Option<i64>, _>(number)
                .map(|v| v.map_or(Value::Null, Value::from)),
            _ => row
                .try_get::<Option<String>, _>(number)
                .map(|v| v.map_or(Value::Null, Value::from)),
        };
        let value = value.unwrap_or_else(|e| Value::from(format!("unreadable: {e}")));
        fields.insert(column.name().to_owned(), value);
    }
    Value::Object(fields)
}

fn without_deployment(row: &Value) -> Value {
    let mut row = row.clone();
    if let Some(fields) = row.as_object_mut() {
        fields.remove("deployment_id");
    }
    row
}

/// What has not come to rest, after waiting a little for what is about to, unless it is asked for at once.
async fn invocations(url: &str, at_once: bool) -> Result<Value, String> {
    let admin = Admin::new(url, None)
        .map_err(|e| e.to_string())?
        .with_timeout(Some(ANSWER));
    let until = Instant::now() + SETTLE;
    let in_flight = loop {
        let rows = admin.query(IN_FLIGHT).await.map_err(|e| e.to_string())?;
        let stuck = rows.iter().any(|row| row["status"] == "paused");
        if at_once || rows.is_empty() || stuck || Instant::now() >= until {
            break rows;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let counts = admin.query(COUNTS).await.map_err(|e| e.to_string())?;
    let counts: Map<String, Value> = counts
        .iter()
        .filter_map(|row| {
            Some((
                row["status"].as_str()?.to_owned(),
                row["invocations"].clone(),
            ))
        })
        .collect();
    Ok(json!({ "in_flight": in_flight, "invocations": counts }))
}
