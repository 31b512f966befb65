//! Short forms for the few statements the bench sends itself. Not for what the services read or write.

use mysql::Db;
use mysql::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use crate::Result;

/// All rows of a statement.
pub(crate) async fn rows(db: &Db, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>> {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    Ok(db.primary().query_all_raw(statement).await?)
}

/// The number in column `n` of the only row.
pub(crate) async fn number(db: &Db, sql: &str, values: Vec<Value>) -> Result<i64> {
    let rows = rows(db, sql, values).await?;
    let row = rows.first().ok_or("a statement gave no row")?;
    Ok(row.try_get("", "n")?)
}

/// Sends a statement and looks at nothing.
pub(crate) async fn execute(db: &Db, sql: &str) -> Result<()> {
    db.primary().execute_unprepared(sql).await?;
    Ok(())
}

/// `?,?,…`
pub(crate) fn marks(count: usize) -> String {
    vec!["?"; count].join(",")
}
