//! The step that reads one page of usage.

use crate::decide::MINIMUM_USAGE;
use crate::period::Period;
use crate::usage::{BillableUsage, UsageError, UsageQuery, WorkspaceUsage};
use durable::{Stop, codes};

/// Id and usage, in the order of the ids; journaled. Pairs, because a page has thousands.
pub(crate) type Page = Vec<(String, i64)>;

/// Without a source the run ends: no usage and nobody counting must never look alike.
pub(crate) async fn read(
    source: &dyn BillableUsage,
    period: Period,
    after: &str,
    limit: usize,
) -> Result<Page, Stop> {
    let query = UsageQuery {
        year: period.year,
        month: period.month,
        minimum: MINIMUM_USAGE,
        after,
        limit,
    };
    match source.page(query).await {
        Ok(rows) => Ok(ordered(rows, after, limit)),
        Err(UsageError::NotConfigured) => Err(Stop::fault(
            codes::CLICKHOUSE_NOT_CONFIGURED,
            "There is no ClickHouse to read usage from, so nobody was checked. Set clickhouse.url, or stop calling the quota check.",
        )),
        Err(error @ UsageError::Refused(_)) => {
            Err(Stop::fault(codes::CLICKHOUSE_REFUSED, error.to_string()))
        }
        Err(error @ UsageError::Unavailable(_)) => Err(Stop::retry(error)),
    }
}

/// Whatever the source's order: each id once, ascending, within the page.
fn ordered(rows: Vec<WorkspaceUsage>, after: &str, limit: usize) -> Page {
    let mut page: Page = rows
        .into_iter()
        .filter(|row| row.workspace_id.as_str() > after && row.total >= MINIMUM_USAGE)
        .map(|row| (row.workspace_id, row.total))
        .collect();
    page.sort();
    page.dedup_by(|a, b| a.0 == b.0);
    page.truncate(limit);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_in_order_without_repeats_and_above_the_minimum() {
        let usage = |id: &str, total| WorkspaceUsage {
            workspace_id: id.to_owned(),
            total,
        };
        let rows = vec![
            usage("ws_c", 150_000),
            usage("ws_a", 149_999),
            usage("ws_b", 150_001),
            usage("ws_b", 150_001),
            usage("ws_0", 999_999),
        ];
        let page = ordered(rows.clone(), "ws_1", 9);
        assert_eq!(
            page,
            [("ws_b".to_owned(), 150_001), ("ws_c".to_owned(), 150_000)]
        );
        assert_eq!(ordered(rows, "", 1), [("ws_0".to_owned(), 999_999)]);
    }
}
