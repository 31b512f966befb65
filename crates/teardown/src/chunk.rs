//! Deleting rows some hundred at a time: looked up without a lock, then taken by an index that is forced.
//!
//! A DELETE by a condition would lock what it scans, and while a table is small the server rather scans it: rows of
//! others would be held. Not for the order of tables: the caller has it.

use mysql::{DbError, sql};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

/// Rows taken by one statement.
pub const SIZE: usize = 500;

#[derive(FromQueryResult)]
struct Pk {
    pk: u64,
}

/// Deletes at most [`SIZE`] rows of `table` that fulfil `condition`; gives their number. The condition's columns are
/// prefixed by `t.`; all names come from code, never from a request.
///
/// # Errors
/// The database's own.
pub async fn delete(
    connection: &impl ConnectionTrait,
    table: &str,
    condition: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<usize, DbError> {
    let select = format!("SELECT t.pk FROM {table} t WHERE {condition} ORDER BY t.pk LIMIT {SIZE}");
    let rows: Vec<Pk> = sql::all(connection, &select, values).await?;
    let pks: Vec<Value> = rows.iter().map(|row| row.pk.into()).collect();
    let count = pks.len();
    delete_by(connection, table, "PRIMARY", "pk", pks).await?;
    Ok(count)
}

/// Deletes the rows of `table` whose `column` is one of `keys`, by `index`.
///
/// # Errors
/// The database's own.
pub async fn delete_by(
    connection: &impl ConnectionTrait,
    table: &str,
    index: &str,
    column: &str,
    keys: Vec<Value>,
) -> Result<u64, DbError> {
    if keys.is_empty() {
        return Ok(0);
    }
    let statement = format!(
        "DELETE t FROM {table} t FORCE INDEX ({index}) WHERE t.{column} IN ({})",
        sql::marks(keys.len())
    );
    sql::execute(connection, &statement, keys).await
}

/// Deletes all rows of `table` that fulfil `condition`, chunk after chunk, each in a statement of its own.
///
/// # Errors
/// The database's own.
pub async fn delete_all(
    connection: &impl ConnectionTrait,
    table: &str,
    condition: &str,
    values: &[Value],
) -> Result<u64, DbError> {
    let mut all = 0;
    loop {
        let count = delete(connection, table, condition, values.to_vec()).await?;
        all += count as u64;
        if count < SIZE {
            return Ok(all);
        }
    }
}
