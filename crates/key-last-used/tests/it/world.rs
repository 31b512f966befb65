//! Both services on a Restate server of their own, with a ClickHouse database of their own: partitions have state and
//! read whole tables. Keys have fresh ids in the shared MySQL database.

use std::time::Duration;

use analytics::{Address, Analytics};
use clickhouse_engine::ClickHouse;
use faults::StreamProxy;
use key_last_used::{KeyLastUsedPartition, KeyLastUsedSync, Settings};
use key_last_used_partition_client::KeyLastUsedPartitionService;
use key_last_used_sync_client::KeyLastUsedSyncService;
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value as Sql};
use notify::Heartbeat;
use restate_api::{ApiError, quoted};
use restate_sdk::endpoint::Endpoint;
use serde_json::{Value, json};
use testbed::{Restate, RestateOptions};

pub(crate) use key_last_used_partition_client::SERVICE as PARTITION;
pub(crate) use key_last_used_sync_client::SERVICE as SYNC;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);
pub(crate) const MINUTE: i64 = 60_000;

/// Everything one test needs.
pub(crate) struct World {
    pub(crate) restate: Restate,
    pub(crate) proxy: StreamProxy,
    pub(crate) db: Db,
    pub(crate) engine: &'static ClickHouse,
    /// Name of the ClickHouse database.
    pub(crate) database: String,
    /// Begins every key of the test.
    pub(crate) prefix: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default(), Heartbeat::none()).await
    }

    pub(crate) async fn with(settings: Settings, heartbeat: Heartbeat) -> Self {
        let engine = clickhouse_engine::shared().await;
        let database = ids::random(ids::Prefix::KEY);
        engine.database(&database).await.expect("a database");
        let db = testbed::db().await;
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let endpoint = endpoint(
            db.clone(),
            Some(analytics(engine, &database)),
            settings,
            heartbeat,
        );
        let proxy = faults::serve_behind_on(&restate, endpoint).await;
        Self {
            restate,
            proxy,
            db,
            engine,
            prefix: format!("{database}_"),
            database,
        }
    }

    /// A key of the test by a short name.
    pub(crate) fn id(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Writes rows of `keys`, by short name and `last_used_at`.
    pub(crate) async fn keys(&self, keys: &[(String, i64)]) {
        for chunk in keys.chunks(1_000) {
            let rows: Vec<String> = chunk
                .iter()
                .map(|(name, at)| {
                    format!("('{0}', 'ks', '{0}', 'start', 'ws', {at})", self.id(name))
                })
                .collect();
            let sql = format!(
                "INSERT INTO `keys` (id, key_auth_id, hash, start, workspace_id, last_used_at) VALUES {}",
                rows.join(", ")
            );
            execute(&self.db, &sql, []).await;
        }
    }

    /// One key that was never used.
    pub(crate) async fn key(&self, name: &str) {
        self.keys(&[(name.to_owned(), 0)]).await;
    }

    /// A verification of a key, epoch milliseconds, straight in the aggregate.
    pub(crate) async fn used(&self, name: &str, at: i64) {
        let sql = format!(
            "INSERT INTO `{}`.key_last_used_v1 (workspace_id, key_space_id, key_id, time) VALUES ('ws', 'ks', '{}', {at})",
            self.database,
            self.id(name)
        );
        self.engine.query(&sql).await.expect("inserted");
    }

    pub(crate) async fn last_used(&self, name: &str) -> i64 {
        let sql = "SELECT CAST(last_used_at AS SIGNED) FROM `keys` WHERE id = ?";
        let rows = query(&self.db, sql, [self.id(name).into()]).await;
        rows[0].try_get_by_index(0).expect("a number")
    }

    pub(crate) async fn set_last_used(&self, name: &str, at: i64) {
        let sql = "UPDATE `keys` SET last_used_at = ? WHERE id = ?";
        execute(&self.db, sql, [at.into(), self.id(name).into()]).await;
    }

    /// Runs all partitions; gives the number of keys.
    pub(crate) async fn run(&self) -> i64 {
        let answer = self
            .restate
            .ingress()
            .call(SYNC, None, "RunSync", &json!({}))
            .await;
        synced(&answer.expect("RunSync"))
    }

    pub(crate) async fn partition(&self, key: &str, total: i32) -> i64 {
        synced(&self.try_partition(key, total).await.expect("SyncPartition"))
    }

    pub(crate) async fn try_partition(&self, key: &str, total: i32) -> Result<Value, ApiError> {
        let ingress = self
            .restate
            .ingress()
            .with_timeout(Some(Duration::from_secs(120)));
        ingress
            .call(
                PARTITION,
                key,
                "SyncPartition",
                &json!({"totalPartitions": total}),
            )
            .await
    }

    /// A value of a partition's state.
    pub(crate) async fn state(&self, key: &str, name: &str) -> Option<Value> {
        let sql = format!(
            "SELECT value_utf8 FROM state WHERE service_name = '{PARTITION}' AND service_key = {} AND key = '{name}'",
            quoted(key)
        );
        let rows = self.restate.admin().query(&sql).await.expect("state");
        rows.first().map(|row| {
            serde_json::from_str(row["value_utf8"].as_str().expect("text")).expect("JSON")
        })
    }

    /// Commands of the last invocation of a handler.
    pub(crate) async fn journal(&self, service: &str) -> Vec<String> {
        let sql = format!(
            "SELECT id FROM sys_invocation WHERE target_service_name = '{service}' ORDER BY created_at DESC LIMIT 1"
        );
        let rows = self.restate.admin().query(&sql).await.expect("invocations");
        let id = rows[0]["id"].as_str().expect("an id");
        let sql = format!(
            "SELECT entry_type, name FROM sys_journal WHERE id = '{id}' AND entry_type LIKE 'Command:%' ORDER BY index"
        );
        let rows = self.restate.admin().query(&sql).await.expect("journal");
        let entry = |row: &Value| {
            let text = format!(
                "{} {}",
                row["entry_type"].as_str().unwrap_or("-"),
                row["name"].as_str().unwrap_or("")
            );
            text.replace("Command: ", "").trim().to_owned()
        };
        rows.iter().map(entry).collect()
    }
}

/// `keysSynced`, which is left out when it is 0.
fn synced(answer: &Value) -> i64 {
    answer
        .get("keysSynced")
        .map_or(0, |n| n.as_i64().expect("a number"))
}

pub(crate) fn analytics(engine: &ClickHouse, database: &str) -> Analytics {
    let native = engine.native_url_of(database);
    let address = Address::parse(&native, Some(&engine.http_url())).expect("an address");
    Analytics::new(&address).expect("a client")
}

pub(crate) fn endpoint(
    db: Db,
    analytics: Option<Analytics>,
    settings: Settings,
    heartbeat: Heartbeat,
) -> Endpoint {
    let sync = KeyLastUsedSync::new(analytics.is_some(), heartbeat, settings);
    Endpoint::builder()
        .bind(KeyLastUsedSyncService(sync))
        .bind(KeyLastUsedPartitionService(KeyLastUsedPartition::new(
            db, analytics, settings,
        )))
        .build()
}

pub(crate) async fn execute(db: &Db, sql: &str, values: impl IntoIterator<Item = Sql>) {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    let done = db.primary().execute_raw(statement).await;
    done.unwrap_or_else(|e| panic!("{}: {e}", &sql[..sql.len().min(200)]));
}

pub(crate) async fn query(
    db: &Db,
    sql: &str,
    values: impl IntoIterator<Item = Sql>,
) -> Vec<QueryResult> {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    let rows = db.primary().query_all_raw(statement).await;
    rows.unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// The minute an instant lies in.
pub(crate) fn minute(at: i64) -> i64 {
    at / MINUTE * MINUTE
}
