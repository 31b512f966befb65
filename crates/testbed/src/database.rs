//! Databases on the MariaDB server of this process: its own, or the one `CTRL_TEST_MYSQL` names.
//!
//! Not for rows: tests write those through `intent`, the services through `mysql`.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::Connection as _;
use tokio::sync::OnceCell;

use crate::files::program_name;
use crate::mariadb::{COLLATION, MariaDb, MariaDbOptions};

/// Address of a running server, `mysql://user:password@host:port`.
pub const MYSQL_VARIABLE: &str = "CTRL_TEST_MYSQL";

/// A database and how to reach it.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// `mysql://user:password@host:port/name`
    pub url: String,
    /// The same as the configuration file writes it: `user:password@tcp(host:port)/name?parseTime=true`.
    pub dsn: String,
}

/// The server's address without a database; starts one unless the environment names one.
pub async fn mysql_url() -> &'static str {
    static OWN: OnceCell<MariaDb> = OnceCell::const_new();
    static URL: OnceCell<String> = OnceCell::const_new();
    URL.get_or_init(|| async {
        if let Some(given) = std::env::var(MYSQL_VARIABLE).ok().filter(|v| !v.is_empty()) {
            return given.trim_end_matches('/').to_owned();
        }
        let start = || async {
            MariaDb::start(MariaDbOptions::default())
                .await
                .unwrap_or_else(|e| panic!("MariaDB: {e}"))
        };
        OWN.get_or_init(start).await.url()
    })
    .await
}

/// The migrated database all tests of this process share. Tests stay apart by unique ids.
pub async fn db() -> mysql::Db {
    static SHARED: OnceCell<mysql::Db> = OnceCell::const_new();
    let connect = || async {
        let options = mysql::Options::new(shared_database().await.dsn.clone());
        mysql::Db::connect(&options)
            .await
            .unwrap_or_else(|e| panic!("connect: {e}"))
    };
    SHARED.get_or_init(connect).await.clone()
}

/// How to reach the database of [`db`], for a worker process that a test starts.
pub async fn shared_database() -> &'static Database {
    static SHARED: OnceCell<Database> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async { migrated_database("shared").await })
        .await
}

/// A new database of a fresh installation, for a test that must be alone in one.
pub async fn migrated_database(label: &str) -> Database {
    let database = create_database(label).await;
    migrate(&database).await;
    database
}

/// Creates all tables of a fresh installation.
pub async fn migrate(database: &Database) {
    let options = mysql::Options::new(database.dsn.clone());
    mysql::migrate::run(&options)
        .await
        .unwrap_or_else(|e| panic!("migrate {}: {e}", database.name));
}

/// A new, empty database with a name no other process uses. It goes with the server.
pub async fn create_database(label: &str) -> Database {
    create_database_on(mysql_url().await, label).await
}

/// As [`create_database`], on the server at `url`.
pub async fn create_database_on(url: &str, label: &str) -> Database {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let clean = |s: &str| s.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let (program, label) = (clean(&program_name()), clean(label));
    let database = describe(
        url,
        format!("{program}_{label}_{}_{number}", std::process::id()),
    );
    // a process of an earlier run may have had the same id
    execute(url, format!("DROP DATABASE IF EXISTS `{}`", database.name)).await;
    ensure_database(url, &database.name).await
}

/// The database of that name on the server at `url`, made if it is not there.
pub async fn ensure_database(url: &str, name: &str) -> Database {
    let how = format!("CHARACTER SET utf8mb4 COLLATE {COLLATION}");
    execute(url, format!("CREATE DATABASE IF NOT EXISTS `{name}` {how}")).await;
    describe(url, name.to_owned())
}

fn describe(url: &str, name: String) -> Database {
    let login = url.trim_start_matches("mysql://");
    let (user, host) = login.rsplit_once('@').unwrap_or(("root", login));
    Database {
        url: format!("{url}/{name}"),
        dsn: format!("{user}@tcp({host})/{name}?parseTime=true"),
        name,
    }
}

async fn execute(url: &str, statement: String) {
    let mut connection = sqlx::MySqlConnection::connect(&format!("{url}/mysql"))
        .await
        .unwrap_or_else(|e| panic!("log in to {}: {e}", without_login(url)));
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone()))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|e| panic!("{statement}: {e}"));
}

fn without_login(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, host)| host)
}
