//! One question: its time limit, the conversion of its error, and what is measured of it.

use std::future::Future;
use std::time::Duration;

use clickhouse::RowOwned;
use clickhouse::RowRead;
use clickhouse::query::Query;
use tokio::time::Instant;

use crate::AnalyticsError;

/// Seconds of each call by operation and outcome: the family that every adapter of the worker shares.
const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";

/// Waits for `answer` as long as `limit` and measures it; an error that repeats the secret does so no more.
pub(crate) async fn measured<T>(
    operation: &'static str,
    (limit, secret): (Duration, &str),
    answer: impl Future<Output = Result<T, AnalyticsError>>,
) -> Result<T, AnalyticsError> {
    let begun = Instant::now();
    let answered = async {
        match tokio::time::timeout(limit, answer).await {
            Ok(result) => result.map_err(|error| error.without(secret)),
            Err(_) => Err(AnalyticsError::TooLate {
                operation,
                after: limit,
            }),
        }
    };
    let result = trace_context::outside("clickhouse", operation, answered).await;
    let outcome = result
        .as_ref()
        .map_or_else(|error| error.class().label(), |_| "ok");
    let labels = [
        ("adapter", "clickhouse"),
        ("operation", operation),
        ("outcome", outcome),
    ];
    metrics::histogram!(OUTSIDE_SECONDS, &labels).record(begun.elapsed().as_secs_f64());
    result
}

/// All rows, up to `most`.
pub(crate) async fn rows<T: RowOwned + RowRead>(
    operation: &'static str,
    query: Query,
    most: usize,
) -> Result<Vec<T>, AnalyticsError> {
    let failed = |error| AnalyticsError::of(operation, error, "");
    let mut cursor = query.fetch::<T>().map_err(failed)?;
    let mut all = Vec::new();
    while let Some(row) = cursor.next().await.map_err(failed)? {
        if all.len() == most {
            return Err(AnalyticsError::BadAnswer {
                operation,
                why: format!("more than {most} rows"),
            });
        }
        all.push(row);
    }
    Ok(all)
}
