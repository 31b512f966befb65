//! The service as the worker binds it, with an administrator who has the documented rights and no more; workspaces with
//! rows in every table; ways to look.

use std::time::Duration;

use analytics::{Address, Admin};
use clickhouse_engine::ClickHouse;
use clickhouse_user::{Access, ClickhouseUser};
use clickhouse_user_client::{ClickhouseUserService, SERVICE};
use faults::StreamProxy;
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value as Sql};
use restate_api::ApiError;
use restate_sdk::endpoint::Endpoint;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use vault::Vault;

use crate::tap::Tap;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The tables a workspace may read.
pub(crate) const TABLES: [&str; 5] = [
    "key_verifications_raw_v2",
    "key_verifications_per_minute_v3",
    "key_verifications_per_hour_v3",
    "key_verifications_per_day_v3",
    "key_verifications_per_month_v3",
];

const ADMIN: &str = "provisioner";
const ADMIN_PASSWORD: &str = "Adm1n-~._x";

/// What all tests share.
pub(crate) struct Stack {
    pub(crate) engine: &'static ClickHouse,
    pub(crate) tap: Tap,
    pub(crate) vault: Vault,
    pub(crate) proxy: StreamProxy,
    _vault: vault_dev::Server,
}

/// The service, served once, behind a proxy that can lose its answers.
pub(crate) async fn stack() -> &'static Stack {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    let start = || async {
        // servers must outlive the runtime of the test that came first
        testbed::runtime()
            .spawn(async {
                let engine = engine().await;
                let tap = Tap::start(engine.http_url()).await;
                let server = vault_server().await;
                let vault = Vault::new(&server.url(), "token").expect("a client");
                let access = access(&tap.url, vault.clone());
                let endpoint = endpoint(testbed::db().await, Some(access));
                Stack {
                    engine,
                    tap,
                    vault,
                    proxy: faults::serve_behind(endpoint).await,
                    _vault: server,
                }
            })
            .await
            .expect("starting does not panic")
    };
    STACK.get_or_init(start).await
}

/// The engine, with the administrator of the documentation.
pub(crate) async fn engine() -> &'static ClickHouse {
    static READY: OnceCell<&'static ClickHouse> = OnceCell::const_new();
    *READY
        .get_or_init(|| async {
            let engine = clickhouse_engine::shared().await;
            for sql in [
                format!("CREATE USER OR REPLACE {ADMIN} IDENTIFIED WITH sha256_password BY '{ADMIN_PASSWORD}'"),
                format!(
                    "GRANT CREATE USER, ALTER USER, DROP USER, CREATE ROW POLICY, ALTER ROW POLICY, DROP ROW POLICY, CREATE QUOTA, \
                     ALTER QUOTA, DROP QUOTA, CREATE SETTINGS PROFILE, ALTER SETTINGS PROFILE, DROP SETTINGS PROFILE ON *.* TO {ADMIN}"
                ),
                format!("GRANT SELECT ON default.* TO {ADMIN} WITH GRANT OPTION"),
            ] {
                engine.query(&sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
            }
            engine
        })
        .await
}

pub(crate) async fn vault_server() -> vault_dev::Server {
    let options = vault_dev::Options::in_memory("token").expect("a token");
    vault_dev::Server::start(options).await.expect("a Vault")
}

/// The administrator's connection at this HTTP address.
pub(crate) fn access(url: &str, vault: Vault) -> Access {
    let native =
        format!("clickhouse://{ADMIN}:{ADMIN_PASSWORD}@127.0.0.1:9000/default?dial_timeout=2s");
    let address = Address::parse(&native, Some(url)).expect("an address");
    Access {
        admin: Admin::new(&address).expect("a client"),
        vault,
    }
}

pub(crate) fn endpoint(db: Db, access: Option<Access>) -> Endpoint {
    Endpoint::builder()
        .bind(ClickhouseUserService(ClickhouseUser::new(db, access)))
        .build()
}

/// A workspace of the shared stack.
pub(crate) struct World {
    pub(crate) stack: &'static Stack,
    pub(crate) db: Db,
    pub(crate) ws: String,
}

impl World {
    /// With a quota row that keeps logs for so many days.
    pub(crate) async fn new(days: i32) -> Self {
        let (stack, db) = (stack().await, testbed::db().await);
        let ws = workspace(&db, days).await;
        Self { stack, db, ws }
    }

    pub(crate) async fn configure(&self, body: Value) {
        let answer = self.try_configure(body).await;
        assert_eq!(answer.expect("ConfigureUser"), json!({}));
    }

    pub(crate) async fn try_configure(&self, body: Value) -> Result<Value, ApiError> {
        let ingress = testbed::ingress().await;
        ingress
            .call(SERVICE, &*self.ws, "ConfigureUser", &body)
            .await
    }

    pub(crate) async fn settings(&self) -> Option<Settings> {
        settings(&self.db, &self.ws).await
    }

    pub(crate) async fn password(&self) -> String {
        password(&self.db, &self.stack.vault, &self.ws)
            .await
            .expect("a password")
    }

    /// Asks as the workspace's user.
    pub(crate) async fn ask(&self, sql: &str) -> Result<String, String> {
        self.ask_with(sql, &[]).await
    }

    pub(crate) async fn ask_with(
        &self,
        sql: &str,
        settings: &[(&str, &str)],
    ) -> Result<String, String> {
        let answer = self
            .stack
            .engine
            .query_as(&self.ws, &self.password().await, sql, settings)
            .await;
        answer.map(|text| text.trim().to_owned())
    }

    /// Rows of now in every table, through the raw one.
    pub(crate) async fn verifications(&self, count: usize) {
        verifications(self.stack.engine, &self.ws, count).await;
    }

    /// What the engine's own tables say, as administrator.
    pub(crate) async fn engine(&self, sql: &str) -> String {
        let answer = self.stack.engine.query(sql).await;
        answer
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
            .trim()
            .to_owned()
    }
}

pub(crate) async fn workspace(db: &Db, days: i32) -> String {
    let slug = ids::random(ids::Prefix::WORKSPACE)
        .to_lowercase()
        .replace('_', "-");
    let new = intent::NewWorkspace {
        name: "Analytics".to_owned(),
        slug,
        quota: Some(intent::Quota::default()),
    };
    let ws = intent::create_workspace(db, &new)
        .await
        .expect("a workspace");
    let sql = "UPDATE quota SET logs_retention_days = ? WHERE workspace_id = ?";
    execute(db, sql, [days.into(), ws.as_str().into()]).await;
    ws
}

pub(crate) async fn verifications(engine: &ClickHouse, ws: &str, count: usize) {
    let sql = format!(
        "INSERT INTO default.key_verifications_raw_v2 (request_id, time, workspace_id, key_space_id, key_id, outcome) \
         SELECT concat('{ws}', toString(number)), toUnixTimestamp(now()) * 1000, '{ws}', 'ks', concat('key_', toString(number)), 'VALID' FROM numbers({count})"
    );
    engine
        .query(&sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// A row of `clickhouse_workspace_settings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) username: String,
    pub(crate) sealed: String,
    /// Window, queries, execution per window, execution per query, memory, rows.
    pub(crate) limits: [i64; 6],
}

pub(crate) async fn settings(db: &Db, ws: &str) -> Option<Settings> {
    let sql = "SELECT username, password_encrypted, quota_duration_seconds, max_queries_per_window, max_execution_time_per_window, \
               max_query_execution_time, max_query_memory_bytes, max_query_result_rows FROM clickhouse_workspace_settings WHERE workspace_id = ?";
    let rows = query(db, sql, [ws.into()]).await;
    assert!(rows.len() < 2, "one row a workspace");
    let row = rows.first()?;
    let number = |i: usize| match i {
        6 => row.try_get_by_index::<i64>(i).expect("a number"),
        _ => i64::from(row.try_get_by_index::<i32>(i).expect("a number")),
    };
    Some(Settings {
        username: row.try_get_by_index(0).expect("text"),
        sealed: row.try_get_by_index(1).expect("text"),
        limits: [2, 3, 4, 5, 6, 7].map(number),
    })
}

/// The password as it is stored now, opened.
pub(crate) async fn password(db: &Db, vault: &Vault, ws: &str) -> Option<String> {
    let sealed = settings(db, ws).await?.sealed;
    let opened = vault.decrypt(ws, &sealed).await.expect("opens");
    Some(opened.expose().to_owned())
}

pub(crate) async fn execute(db: &Db, sql: &str, values: impl IntoIterator<Item = Sql>) {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    let done = db.primary().execute_raw(statement).await;
    done.unwrap_or_else(|e| panic!("{sql}: {e}"));
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

/// Commands and failures of an invocation as Restate keeps them, in one text.
pub(crate) async fn kept(restate: &testbed::Restate, invocation: &str) -> String {
    let mut text = String::new();
    for sql in [
        format!("SELECT * FROM sys_journal WHERE id = '{invocation}'"),
        format!("SELECT * FROM sys_invocation WHERE id = '{invocation}'"),
    ] {
        let rows = restate.admin().query(&sql).await.expect("rows");
        text += &Value::Array(rows).to_string();
    }
    text
}
