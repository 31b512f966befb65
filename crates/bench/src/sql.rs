//! Short forms for the few statements the bench sends itself. Not for what the services read or write.

use std::time::{Duration, Instant};

use mysql::Db;
use mysql::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use crate::Result;

/// After this long the server is as quiet as it gets.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pages and row versions left behind that disturb nobody.
const FEW: i64 = 500;

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

/// Gives the server the memory of a small one in production. The testbed's own, made for many small databases, would
/// measure its disk: two million keys and their audit rows are larger than 128 MiB, and 16 MiB of log are full in a second.
pub(crate) async fn roomy(db: &Db) -> Result<()> {
    for setting in [
        "innodb_buffer_pool_size = 4294967296",
        "innodb_log_file_size = 1073741824",
    ] {
        execute(db, &format!("SET GLOBAL {setting}")).await?;
    }
    Ok(())
}

/// Waits until what was prepared is on the disk and old versions of rows are gone, so that whoever is measured next pays
/// for its own work only.
pub(crate) async fn settle(db: &Db) -> Result<()> {
    let hurry = |percent: u32, pages: u32| {
        [
            format!("SET GLOBAL innodb_io_capacity_max = {}", 10 * pages),
            format!("SET GLOBAL innodb_io_capacity = {pages}"),
            format!("SET GLOBAL innodb_max_dirty_pages_pct = {percent}"),
        ]
    };
    for sql in hurry(0, 20_000) {
        execute(db, &sql).await?;
    }
    let began = Instant::now();
    while left_behind(db).await? > FEW && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The defaults again.
    for sql in hurry(90, 200).iter().rev() {
        execute(db, sql).await?;
    }
    Ok(())
}

/// Pages to be written and versions of rows to be forgotten: the larger number.
async fn left_behind(db: &Db) -> Result<i64> {
    let sql = "SELECT CAST(MAX(CAST(variable_value AS SIGNED)) AS SIGNED) AS n FROM information_schema.global_status \
               WHERE variable_name IN ('INNODB_BUFFER_POOL_PAGES_DIRTY', 'INNODB_HISTORY_LIST_LENGTH')";
    number(db, sql, vec![]).await
}

/// `?,?,…`
pub(crate) fn marks(count: usize) -> String {
    vec!["?"; count].join(",")
}
