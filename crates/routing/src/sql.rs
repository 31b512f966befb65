//! The three shapes of a statement: write, one row, all rows. No SQL of its own.

use mysql::DbError;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::MySql, sql, values)
}

/// Writes.
pub(crate) async fn execute(
    c: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<(), DbError> {
    c.execute_raw(statement(sql, values)).await?;
    Ok(())
}

/// The first row, if any.
pub(crate) async fn one<T: FromQueryResult>(
    c: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<T>, DbError> {
    Ok(T::find_by_statement(statement(sql, values)).one(c).await?)
}

/// All rows.
pub(crate) async fn all<T: FromQueryResult>(
    c: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<T>, DbError> {
    Ok(T::find_by_statement(statement(sql, values)).all(c).await?)
}

/// `?, ?, ?` for a list of `count` values; never empty, as `IN ()` is no SQL.
pub(crate) fn marks(count: usize) -> String {
    vec!["?"; count.max(1)].join(", ")
}
