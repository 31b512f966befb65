//! Raw SQL for assertions: what is in the tables, not what the code under test says is in them.

use mysql::Db;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};

fn statement<const N: usize>(sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::MySql, sql, values)
}

pub(crate) async fn rows<T: FromQueryResult, const N: usize>(
    db: &Db,
    sql: &str,
    values: [Value; N],
) -> Vec<T> {
    T::find_by_statement(statement(sql, values))
        .all(db.primary())
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
}

pub(crate) async fn execute<const N: usize>(db: &Db, sql: &str, values: [Value; N]) -> u64 {
    db.primary()
        .execute_raw(statement(sql, values))
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
        .rows_affected()
}

/// Column `t` of the only row.
pub(crate) async fn text<const N: usize>(db: &Db, sql: &str, values: [Value; N]) -> String {
    #[derive(FromQueryResult)]
    struct Row {
        t: String,
    }
    let mut found: Vec<Row> = rows(db, sql, values).await;
    assert_eq!(found.len(), 1, "one row expected: {sql}");
    found.remove(0).t
}

/// Column `n` of the only row.
pub(crate) async fn number<const N: usize>(db: &Db, sql: &str, values: [Value; N]) -> i64 {
    #[derive(FromQueryResult)]
    struct Row {
        n: i64,
    }
    rows::<Row, N>(db, sql, values)
        .await
        .first()
        .expect("one row")
        .n
}
