//! Counts and times what is sent to the database, under the names existing dashboards read.
//! Not for describing or exporting the series: the process does that once for all crates.

use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use sea_orm::DatabaseConnection;

const LATENCY: &str = "unkey_database_operations_latency_seconds";
const TOTAL: &str = "unkey_database_operations_total";

/// A connection over `pool` whose statements count under `replica`: `rw`, `ro`, or `rw_tx` for
/// what runs inside a transaction.
pub(crate) fn connection(pool: &sqlx::MySqlPool, replica: &'static str) -> DatabaseConnection {
    let mut connection = DatabaseConnection::from(pool.clone());
    connection.set_metric_callback(move |info| {
        record(
            replica,
            operation(&info.statement.sql),
            info.failed,
            info.elapsed,
        );
    });
    connection
}

/// Runs `work` and counts it as `operation` (`begin`, `commit`, `rollback`).
pub(crate) async fn timed<T, E>(
    operation: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let started = Instant::now();
    let outcome = work.await;
    record("rw_tx", operation, outcome.is_err(), started.elapsed());
    outcome
}

/// Statements that give rows are `query`, all others `exec`. How many rows were asked for is not
/// known here, so nothing counts as `query_row`.
fn operation(sql: &str) -> &'static str {
    let gives_rows = ["SELECT", "SHOW", "WITH", "("];
    let word = sql
        .trim_start()
        .get(..6)
        .unwrap_or(sql)
        .to_ascii_uppercase();
    if gives_rows.iter().any(|start| word.starts_with(start)) {
        "query"
    } else {
        "exec"
    }
}

fn record(replica: &'static str, operation: &'static str, failed: bool, elapsed: Duration) {
    let status = if failed { "error" } else { "success" };
    let labels = [
        ("replica", replica),
        ("operation", operation),
        ("status", status),
    ];
    counter!(TOTAL, &labels).increment(1);
    histogram!(LATENCY, &labels).record(elapsed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_give_rows_are_queries() {
        for sql in [
            "SELECT 1",
            "  select 1",
            "SHOW TABLES",
            "(SELECT 1)",
            "WITH x AS (SELECT 1) SELECT 1",
        ] {
            assert_eq!(operation(sql), "query", "{sql}");
        }
        for sql in [
            "INSERT INTO x",
            "UPDATE x",
            "DELETE FROM x",
            "DO 1",
            "",
            "ü",
        ] {
            assert_eq!(operation(sql), "exec", "{sql}");
        }
    }
}
