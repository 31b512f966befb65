//! The two statements everything here is made of: insert a row, insert it unless it is there.
//!
//! Only the columns the control API names are written, so that the defaults of the tables apply.

use sea_orm::sea_query::{Alias, Expr, InsertStatement, OnConflict, Query};
use sea_orm::{ConnectionTrait, DbErr, Value};

/// One column of a row to be written.
pub(crate) type Column = (&'static str, Value);

/// Inserts one row.
pub(crate) async fn row(
    conn: &impl ConnectionTrait,
    table: &'static str,
    columns: Vec<Column>,
) -> Result<(), DbErr> {
    rows(conn, table, vec![columns]).await
}

/// Inserts rows that all have the same columns in the same order. An empty list does nothing.
pub(crate) async fn rows(
    conn: &impl ConnectionTrait,
    table: &'static str,
    rows: Vec<Vec<Column>>,
) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    conn.execute(&statement(table, rows)).await.map(drop)
}

/// Inserts one row; a row with the same unique key stays as it is.
pub(crate) async fn row_unless_present(
    conn: &impl ConnectionTrait,
    table: &'static str,
    columns: Vec<Column>,
) -> Result<(), DbErr> {
    let mut insert = statement(table, vec![columns]);
    // `pk = pk` rather than INSERT IGNORE, which would also hide data that does not fit.
    insert.on_conflict(
        OnConflict::new()
            .value(Alias::new("pk"), Expr::col(Alias::new("pk")))
            .to_owned(),
    );
    conn.execute(&insert).await.map(drop)
}

fn statement(table: &'static str, rows: Vec<Vec<Column>>) -> InsertStatement {
    let mut insert = Query::insert();
    insert.into_table(Alias::new(table));
    if let Some(first) = rows.first() {
        insert.columns(first.iter().map(|(name, _)| Alias::new(*name)));
    }
    for row in rows {
        insert.values_panic(row.into_iter().map(|(_, value)| Expr::value(value)));
    }
    insert
}
