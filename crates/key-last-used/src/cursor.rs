//! How far a partition has come: an instant and, at that instant, a key. Pure.
//!
//! In the object state it has the form of the existing worker, three values: `cursor_time` and `total_partitions` as
//! bare numbers, `cursor_key_id` as a text.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Keys of the state.
pub(crate) const TIME: &str = "cursor_time";
pub(crate) const KEY_ID: &str = "cursor_key_id";
pub(crate) const TOTAL: &str = "total_partitions";

/// A place in the order of last use. Everything up to it has been copied.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Epoch milliseconds.
    pub(crate) time: i64,
    /// The last key with that time; empty: none of them.
    pub(crate) key: String,
}

impl Cursor {
    /// From the state; from the beginning where there is none, or where keys were divided otherwise.
    pub(crate) fn of_state(
        time: Option<&Value>,
        key: Option<&Value>,
        known: Option<&Value>,
        total: u64,
    ) -> Self {
        let known = known.and_then(Value::as_u64).unwrap_or(0);
        if known > 0 && known != total {
            return Self::default();
        }
        Self {
            time: time.and_then(Value::as_i64).unwrap_or(0).max(0),
            key: key.and_then(Value::as_str).unwrap_or_default().to_owned(),
        }
    }

    /// Where reading begins: behind the cursor, because events arrive late. What is read twice changes nothing.
    pub(crate) fn behind(&self, lag: Duration) -> Self {
        let lag = i64::try_from(lag.as_millis()).unwrap_or(i64::MAX);
        if lag == 0 {
            return self.clone();
        }
        Self {
            time: self.time.saturating_sub(lag).max(0),
            key: String::new(),
        }
    }

    /// The cursor after a page that ended at `end`. It never moves back, and never beyond the clock: an event that claims
    /// to be of the future must not hide those of the present.
    pub(crate) fn advanced(&self, end: &Cursor, now: i64) -> Self {
        let end = if end.time > now {
            Self {
                time: now,
                key: String::new(),
            }
        } else {
            end.clone()
        };
        end.max(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn at(time: i64, key: &str) -> Cursor {
        Cursor {
            time,
            key: key.to_owned(),
        }
    }

    #[test]
    fn the_state_counts_unless_the_keys_were_divided_otherwise() {
        let (time, key) = (json!(5), json!("k"));
        let of =
            |known: Option<Value>| Cursor::of_state(Some(&time), Some(&key), known.as_ref(), 8);
        assert_eq!(of(Some(json!(8))), at(5, "k"));
        assert_eq!(
            of(None),
            at(5, "k"),
            "an older state does not say into how many"
        );
        assert_eq!(of(Some(json!(0))), at(5, "k"));
        assert_eq!(of(Some(json!(16))), Cursor::default());
        assert_eq!(Cursor::of_state(None, None, None, 8), Cursor::default());
        assert_eq!(
            Cursor::of_state(Some(&json!("x")), Some(&json!(1)), None, 8),
            Cursor::default()
        );
    }

    #[test]
    fn reading_begins_behind_the_cursor() {
        let lag = Duration::from_secs(600);
        assert_eq!(at(1_000_000, "k").behind(lag), at(400_000, ""));
        assert_eq!(at(5, "k").behind(lag), at(0, ""));
        assert_eq!(at(5, "k").behind(Duration::ZERO), at(5, "k"));
    }

    proptest! {
        #[test]
        fn a_cursor_never_moves_back_nor_beyond_the_clock(
            from in 0..100_i64, key in "[a-c]?", to in 0..200_i64, other in "[a-c]?", now in 0..200_i64
        ) {
            let before = at(from, &key);
            let after = before.advanced(&at(to, &other), now);
            prop_assert!(after >= before);
            prop_assert!(after.time <= now.max(from));
        }
    }
}
