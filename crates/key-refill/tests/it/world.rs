//! The service as the worker binds it, over a database of its own: a refill concerns every key there is, so tests take
//! turns.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use faults::StreamProxy;
use faults::http::{Script, ScriptedHttp};
use key_refill::{KeyRefill, Settings};
use key_refill_client::{KeyRefillService, SERVICE};
use mysql::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value as Sql};
use mysql::{Db, Options};
use notify::Heartbeat;
use restate_api::ApiError;
use restate_sdk::endpoint::Endpoint;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);

static TURN: Mutex<()> = Mutex::const_new(());

/// A database, the service over it, and a heartbeat.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) proxy: StreamProxy,
    pub(crate) heartbeat: ScriptedHttp,
    pub(crate) workspace: String,
    _turn: MutexGuard<'static, ()>,
}

/// A key as a test needs it: daily, amount 1000, 100 remaining, without name.
#[derive(Clone, Default)]
pub(crate) struct Key {
    pub(crate) day: Option<i8>,
    pub(crate) amount: Option<i32>,
    pub(crate) remaining: Option<i32>,
    pub(crate) name: Option<String>,
    pub(crate) deleted: bool,
}

pub(crate) fn daily() -> Key {
    Key {
        amount: Some(1000),
        remaining: Some(100),
        ..Key::default()
    }
}

pub(crate) fn monthly(day: i8) -> Key {
    Key {
        day: Some(day),
        ..daily()
    }
}

/// Chunks of three keys, so that a handful of keys makes several.
pub(crate) fn small() -> Settings {
    Settings {
        chunk: 3,
        ..Settings::default()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default(), Script::new().answer(200, "ok")).await
    }

    pub(crate) async fn with(settings: Settings, heartbeats: Script) -> Self {
        let turn = TURN.lock().await;
        let database = testbed::migrated_database("refill").await;
        let db = Db::connect(&Options::new(database.dsn))
            .await
            .expect("connect");
        let heartbeat = ScriptedHttp::start(heartbeats).await.expect("a port");
        let url = format!("{}/beat", heartbeat.url());
        let service = KeyRefill::new(db.clone(), Heartbeat::new(&url).expect("an address"))
            .with_settings(settings);
        let endpoint = Endpoint::builder().bind(KeyRefillService(service)).build();
        Self {
            db,
            proxy: faults::serve_behind(endpoint).await,
            heartbeat,
            workspace: ids::random(ids::Prefix::WORKSPACE),
            _turn: turn,
        }
    }

    /// Inserts a key; gives its id.
    pub(crate) async fn key(&self, key: &Key) -> String {
        let id = ids::random_of_length(ids::Prefix::KEY, 12);
        let sql = "INSERT INTO `keys` (id, key_auth_id, hash, start, workspace_id, name, refill_day, refill_amount, remaining_requests, \
                   deleted_at_m) VALUES (?, 'ks_1', ?, 'abc', ?, ?, ?, ?, ?, ?)";
        let values = [
            id.as_str().into(),
            id.as_str().into(),
            self.workspace.as_str().into(),
            key.name.clone().into(),
            key.day.into(),
            key.amount.into(),
            key.remaining.into(),
            key.deleted.then_some(1i64).into(),
        ];
        execute(self.db.primary(), sql, values).await;
        id
    }

    pub(crate) async fn keys(&self, key: &Key, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.key(key).await);
        }
        ids
    }

    /// So many daily keys in one statement, `key_bulk1` and on.
    pub(crate) async fn bulk(&self, count: u64) {
        let sql = format!(
            "INSERT INTO `keys` (id, key_auth_id, hash, start, workspace_id, refill_amount, remaining_requests) \
             SELECT CONCAT('key_bulk', seq), 'ks_1', CONCAT('bulk', seq), 'abc', ?, 1000, 7 FROM seq_1_to_{count}"
        );
        execute(self.db.primary(), &sql, [self.workspace.as_str().into()]).await;
    }

    pub(crate) async fn remaining(&self, id: &str) -> Option<i32> {
        let sql = "SELECT remaining_requests FROM `keys` WHERE id = ?";
        self.rows(sql, [id.into()]).await[0]
            .try_get_by_index(0)
            .expect("a number")
    }

    /// Somebody uses the key.
    pub(crate) async fn set_remaining(&self, id: &str, remaining: i32) {
        let sql = "UPDATE `keys` SET remaining_requests = ? WHERE id = ?";
        execute(self.db.primary(), sql, [remaining.into(), id.into()]).await;
    }

    /// How many rows a statement counts.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.rows(sql, []).await[0]
            .try_get_by_index(0)
            .expect("a count")
    }

    pub(crate) async fn audits_of(&self, id: &str) -> i64 {
        let sql = "SELECT COUNT(*) FROM audit_log_target t JOIN audit_log a ON a.id = t.audit_log_id WHERE t.type = 'key' AND t.id = ?";
        self.rows(sql, [id.into()]).await[0]
            .try_get_by_index(0)
            .expect("a count")
    }

    pub(crate) async fn rows(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Sql>,
    ) -> Vec<QueryResult> {
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
        self.db.primary().query_all_raw(statement).await.expect(sql)
    }

    /// Runs the refill under this object key; gives the count of the answer.
    pub(crate) async fn run(&self, key: &str) -> Result<i64, ApiError> {
        let ingress = testbed::ingress().await;
        let answer = ingress.call(SERVICE, key, "RunRefill", &json!({})).await?;
        Ok(answer["keysRefilled"].as_i64().unwrap_or(0))
    }

    /// Object state under this key, by name.
    pub(crate) async fn state(&self, key: &str) -> Vec<Value> {
        let sql = format!(
            "SELECT key, value_utf8 FROM state WHERE service_name = '{SERVICE}' AND service_key = {} ORDER BY key",
            restate_api::quoted(key)
        );
        testbed::admin().await.query(&sql).await.expect("state")
    }

    pub(crate) fn beats(&self) -> usize {
        self.heartbeat.received().len()
    }
}

pub(crate) async fn execute(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Sql>,
) {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    connection.execute_raw(statement).await.expect(sql);
}

/// An object key that no other test uses, for a date.
pub(crate) fn again(date: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{date}-t{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}
