//! Statements of the tests, on the primary.

use mysql::{Db, sql};
use sea_orm::{FromQueryResult, Value};

#[derive(FromQueryResult)]
struct Text {
    t: Option<String>,
}

/// The column `t` of the only row; empty where it is null or there is none.
pub(crate) async fn text(
    db: &Db,
    statement: &str,
    values: impl IntoIterator<Item = Value>,
) -> String {
    let row: Option<Text> = sql::one(db.primary(), statement, values)
        .await
        .expect(statement);
    row.and_then(|r| r.t).unwrap_or_default()
}

pub(crate) async fn execute(db: &Db, statement: &str, values: impl IntoIterator<Item = Value>) {
    sql::execute(db.primary(), statement, values)
        .await
        .expect(statement);
}
