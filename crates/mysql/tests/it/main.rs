//! The adapter against a real MariaDB.

mod connection;
mod counter;
mod decode;
mod migrate;
mod rows;
mod schema;
mod transactions;

use mysql::sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use mysql::{Db, Options, migrate as migration};
use tokio::sync::OnceCell;

/// A migrated database of its own.
async fn fresh(label: &str) -> (Db, Options) {
    let options = Options::new(testbed::create_database(label).await.dsn);
    migration::run(&options).await.expect("migrate");
    (Db::connect(&options).await.expect("connect"), options)
}

/// The migrated database most tests share; they keep apart by their ids.
async fn db() -> &'static Db {
    static DB: OnceCell<Db> = OnceCell::const_new();
    DB.get_or_init(|| async { fresh("shared").await.0 }).await
}

async fn execute(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, mysql::DbError> {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    Ok(connection.execute_raw(statement).await?.rows_affected())
}

async fn number(connection: &impl ConnectionTrait, sql: &str) -> i64 {
    let statement = Statement::from_string(DbBackend::MySql, sql);
    let row = connection
        .query_one_raw(statement)
        .await
        .expect(sql)
        .expect("a row");
    row.try_get_by_index(0).expect("a number")
}

async fn text(connection: &impl ConnectionTrait, sql: &str) -> String {
    let statement = Statement::from_string(DbBackend::MySql, sql);
    let row = connection
        .query_one_raw(statement)
        .await
        .expect(sql)
        .expect("a row");
    row.try_get_by_index(0).expect("a text")
}
