//! Statements that the entity builder has no words for: upserts, compare-and-set, joins over our own tables. No SQL of
//! its own: a service's statements stay beside the step that needs them.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};

use crate::DbError;

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::MySql, sql, values)
}

/// Runs a statement; gives the number of rows it matched (not: changed).
pub async fn execute(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbError> {
    Ok(connection
        .execute_raw(statement(sql, values))
        .await?
        .rows_affected())
}

/// The first row, if any.
pub async fn one<T: FromQueryResult>(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<T>, DbError> {
    Ok(T::find_by_statement(statement(sql, values))
        .one(connection)
        .await?)
}

/// All rows.
pub async fn all<T: FromQueryResult>(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<T>, DbError> {
    Ok(T::find_by_statement(statement(sql, values))
        .all(connection)
        .await?)
}

/// `?, ?, ?` for a list of `count` values; never empty, as `IN ()` is no SQL.
pub fn marks(count: usize) -> String {
    vec!["?"; count.max(1)].join(", ")
}
