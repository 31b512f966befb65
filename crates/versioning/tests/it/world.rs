//! The service as it is bound in the worker, only without ingress privacy, and short ways to call it.

use mysql::Db;
use mysql::sea_orm::{ConnectionTrait, DbBackend, Statement, Value as Sql};
use restate_api::{ApiError, Ingress};
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::service::IntoServiceDefinition as _;
use serde_json::{Value, json};
use std::time::Duration;
use testbed::Restate;
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use versioning::Versioning;
use versioning_client::{SERVICE, VersioningService};

/// The endpoint over this database.
pub(crate) fn endpoint(db: Db) -> Endpoint {
    let service = VersioningService(Versioning::new(db)).into_service_definition();
    Endpoint::builder()
        .bind(service.options(ServiceOptions::new().ingress_private(false)))
        .build()
}

/// Ingress of the shared server with the service registered.
pub(crate) async fn ingress() -> Ingress {
    static SERVED: OnceCell<()> = OnceCell::const_new();
    SERVED
        .get_or_init(|| async {
            testbed::serve(endpoint(testbed::db().await)).await;
        })
        .await;
    testbed::ingress().await
}

/// A region nobody else uses.
pub(crate) fn region() -> String {
    ids::random(ids::Prefix::REGION)
}

/// Calls a handler on the shared server.
pub(crate) async fn call(region: &str, handler: &str, body: Value) -> Result<Value, ApiError> {
    ingress().await.call(SERVICE, region, handler, &body).await
}

/// `NextVersion`, as a number.
pub(crate) async fn next(region: &str) -> u64 {
    version(
        &call(region, "NextVersion", json!({}))
            .await
            .expect("NextVersion"),
    )
}

/// `GetVersion`, as a number.
pub(crate) async fn get(region: &str) -> u64 {
    version(
        &call(region, "GetVersion", json!({}))
            .await
            .expect("GetVersion"),
    )
}

/// The number in an answer: a string on the wire, nothing for 0.
pub(crate) fn version(answer: &Value) -> u64 {
    match &answer["version"] {
        Value::Null => 0,
        Value::String(text) => text.parse().expect("a number"),
        other => panic!("64-bit numbers are strings on the wire, not {other}"),
    }
}

/// The object state, as stored.
pub(crate) async fn state(restate: &Restate, region: &str) -> Option<String> {
    let sql = format!(
        "SELECT value_utf8 FROM state WHERE service_name = '{SERVICE}' AND service_key = {} AND key = 'version'",
        restate_api::quoted(region)
    );
    let rows = restate.admin().query(&sql).await.expect("state");
    rows.first()
        .map(|row| row["value_utf8"].as_str().expect("text").to_owned())
}

/// The counter row.
pub(crate) async fn counter(db: &Db, region: &str) -> Option<u64> {
    let sql = "SELECT v FROM ctrl_worker_region_counters WHERE region_id = ?";
    let row = db
        .primary()
        .query_one_raw(statement(sql, [region.into()]))
        .await
        .expect("read");
    row.map(|row| row.try_get_by_index(0).expect("a number"))
}

/// Runs a statement.
pub(crate) async fn execute(
    c: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Sql>,
) {
    c.execute_raw(statement(sql, values))
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}

fn statement(sql: &str, values: impl IntoIterator<Item = Sql>) -> Statement {
    Statement::from_sql_and_values(DbBackend::MySql, sql, values)
}

/// A topology row of a deployment of its own.
pub(crate) async fn topology(c: &impl ConnectionTrait, region: &str, version: u64) {
    let sql = "INSERT INTO deployment_topology (workspace_id, deployment_id, region_id, version, desired_status, created_at) \
               VALUES ('ws', ?, ?, ?, 'running', 1)";
    execute(
        c,
        sql,
        [
            ids::random(ids::Prefix::DEPLOYMENT).into(),
            region.into(),
            version.into(),
        ],
    )
    .await;
}

/// Only one test at a time holds rows back and waits for who wants them: [`waits_for_a_lock`] cannot tell whose wait
/// it sees.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// Waits until a statement like this has been running for so long that a lock must be keeping it.
pub(crate) async fn waits_for_a_lock(db: &Db, like: &str) {
    let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID() \
               AND COMMAND IN ('Query', 'Execute') AND TIME_MS > 300 AND INFO LIKE ?";
    testbed::eventually(Duration::from_secs(15), || async {
        let row = db
            .primary()
            .query_one_raw(statement(sql, [like.into()]))
            .await
            .expect("read")
            .expect("a row");
        row.try_get_by_index::<i64>(0).expect("a number") > 0
    })
    .await;
}
