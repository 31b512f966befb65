//! Into how many ranges of rows the keys are divided, each walked by itself.
//!
//! Not for what is due in a range: that is asked chunk by chunk.

use durable::Stop;
use mysql::{Db, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// Sizes. Not configuration keys: the worker runs with the defaults; tests make them small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Keys of one transaction.
    pub chunk: u64,
    /// Rows one look may pass while it searches for keys that are due.
    pub window: u64,
    /// Rows that one range has at least, before there is a second.
    pub range: u64,
    /// Ranges that are walked side by side at most.
    pub lanes: u64,
    /// Transactions of one call of RefillRange: the bound of its journal.
    pub calls: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // below a thousand, from which MariaDB turns a list into a sub-query
            chunk: 900,
            window: 50_000,
            range: 250_000,
            lanes: 4,
            calls: 200,
        }
    }
}

/// Rows of `keys` with a `pk` above `after`, up to and including `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Range {
    pub(crate) after: u64,
    pub(crate) to: u64,
}

impl Range {
    pub(crate) fn is_done(&self) -> bool {
        self.after >= self.to
    }
}

#[derive(FromQueryResult)]
struct Ends {
    first: Option<u64>,
    last: Option<u64>,
}

/// The step: looks at both ends of the table. Keys created later are not walked; they were created full.
pub(crate) async fn plan(db: &Db, settings: &Settings) -> Result<Vec<Range>, Stop> {
    let ends: Option<Ends> = mysql::retry(|| async {
        let sql = "SELECT MIN(pk) AS first, MAX(pk) AS last FROM `keys`";
        sql::one(db.primary(), sql, []).await
    })
    .await?;
    Ok(match ends {
        Some(Ends {
            first: Some(first),
            last: Some(last),
        }) => divide(first, last, settings),
        _ => Vec::new(),
    })
}

/// Equal ranges over all rows, in order, without gap or overlap.
fn divide(first: u64, last: u64, settings: &Settings) -> Vec<Range> {
    let before = first.saturating_sub(1);
    let rows = last - before;
    let lanes = rows
        .div_ceil(settings.range.max(1))
        .clamp(1, settings.lanes.max(1));
    let end = |lane: u64| {
        let share = u128::from(rows) * u128::from(lane) / u128::from(lanes);
        before + u64::try_from(share).unwrap_or(rows)
    };
    (0..lanes)
        .map(|lane| Range {
            after: end(lane),
            to: end(lane + 1),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_rows_are_one_range_and_many_are_as_many_as_there_are_lanes() {
        let settings = Settings::default();
        assert_eq!(
            divide(1, 250_000, &settings),
            [Range {
                after: 0,
                to: 250_000
            }]
        );
        assert_eq!(divide(5, 5, &settings), [Range { after: 4, to: 5 }]);
        assert_eq!(divide(1, 250_001, &settings).len(), 2);
        assert_eq!(divide(1, 100_000_000, &settings).len(), 4);
    }

    #[test]
    fn in_production_a_transaction_has_between_five_hundred_and_a_thousand_keys() {
        let settings = Settings::default();
        assert!((500..1_000).contains(&settings.chunk));
        assert_eq!(
            (settings.range, settings.lanes, settings.calls),
            (250_000, 4, 200)
        );
    }

    proptest! {
        #[test]
        fn ranges_join_and_cover_everything(first in 1u64..u64::MAX / 2, rows in 0u64..u64::MAX / 2, range in 0u64..1_000_000, lanes in 0u64..9) {
            let settings = Settings { range, lanes, ..Settings::default() };
            let ranges = divide(first, first + rows, &settings);
            prop_assert_eq!(ranges[0].after, first - 1);
            prop_assert_eq!(ranges[ranges.len() - 1].to, first + rows);
            for pair in ranges.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].after);
            }
        }
    }
}
