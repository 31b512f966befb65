//! Statements that the entity builder has no words for: upserts, compare-and-set and joins over our own tables.

use mysql::DbError;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};

fn statement<const N: usize>(sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::MySql, sql, values)
}

/// Runs a statement; gives the number of matched rows.
pub(crate) async fn execute<const N: usize>(
    c: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<u64, DbError> {
    Ok(c.execute_raw(statement(sql, values)).await?.rows_affected())
}

/// All rows of a query.
pub(crate) async fn all<T: FromQueryResult, const N: usize>(
    c: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<Vec<T>, DbError> {
    Ok(T::find_by_statement(statement(sql, values)).all(c).await?)
}

/// The first row of a query, if any.
pub(crate) async fn one<T: FromQueryResult, const N: usize>(
    c: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<Option<T>, DbError> {
    Ok(T::find_by_statement(statement(sql, values)).one(c).await?)
}
