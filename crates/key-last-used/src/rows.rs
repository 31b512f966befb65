//! Writing `keys.last_used_at`: forwards only, so that a repetition, a late event or a second run changes nothing.

use std::collections::BTreeMap;

use analytics::LastUsed;
use mysql::{Db, DbError, sql};
use sea_orm::ConnectionTrait;

const MINUTE: i64 = 60_000;

/// Keys by the minute they were used in, an event of the future in the minute of `now`. Pure.
pub(crate) fn by_minute(keys: &[LastUsed], now: i64) -> BTreeMap<i64, Vec<&str>> {
    let mut minutes: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for key in keys {
        let minute = key.last_used.min(now).div_euclid(MINUTE) * MINUTE;
        minutes.entry(minute).or_default().push(&key.key_id);
    }
    for ids in minutes.values_mut() {
        // all writers take the rows in one order
        ids.sort_unstable();
    }
    minutes
}

/// Writes so many keys in one transaction; gives the number of rows that changed. The index is named: with stale statistics
/// the server would read and lock the whole table.
pub(crate) async fn write(db: &Db, keys: &[LastUsed], now: i64) -> Result<u64, DbError> {
    let minutes = by_minute(keys, now);
    mysql::retry(|| async {
        if minutes.len() == 1 {
            return update_all(db.primary(), &minutes).await;
        }
        let tx = db.begin().await?;
        let changed = update_all(&*tx, &minutes).await?;
        tx.commit().await?;
        Ok(changed)
    })
    .await
}

async fn update_all(
    connection: &impl ConnectionTrait,
    minutes: &BTreeMap<i64, Vec<&str>>,
) -> Result<u64, DbError> {
    let mut changed = 0;
    for (minute, ids) in minutes {
        let statement = format!(
            "UPDATE `keys` FORCE INDEX (keys_id_unique) SET last_used_at = ? WHERE id IN ({}) AND last_used_at < ?",
            sql::marks(ids.len())
        );
        let values = std::iter::once((*minute).into())
            .chain(ids.iter().map(|id| (*id).into()))
            .chain(std::iter::once((*minute).into()));
        changed += sql::execute(connection, &statement, values).await?;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn used(key_id: &str, last_used: i64) -> LastUsed {
        LastUsed {
            key_id: key_id.to_owned(),
            last_used,
        }
    }

    #[test]
    fn keys_are_gathered_by_the_floor_of_their_minute() {
        let keys = [
            used("b", 119_999),
            used("c", 120_000),
            used("a", 60_000),
            used("d", 999_999),
        ];
        let minutes = by_minute(&keys, 130_000);
        assert_eq!(
            minutes.into_iter().collect::<Vec<_>>(),
            [(60_000, vec!["a", "b"]), (120_000, vec!["c", "d"])]
        );
    }

    proptest! {
        #[test]
        fn every_key_is_written_once_and_never_later_than_it_was_used(times in prop::collection::vec(0..1_000_000_i64, 0..50), now in 0..1_000_000_i64) {
            let keys: Vec<LastUsed> = times.iter().enumerate().map(|(i, t)| used(&format!("k{i}"), *t)).collect();
            let minutes = by_minute(&keys, now);
            prop_assert_eq!(minutes.values().map(Vec::len).sum::<usize>(), keys.len());
            for key in &keys {
                let minute = minutes.iter().find(|(_, ids)| ids.contains(&key.key_id.as_str())).map(|(m, _)| *m);
                let minute = minute.expect("in one");
                prop_assert!(minute <= key.last_used && minute <= now && minute % MINUTE == 0);
                prop_assert!(key.last_used.min(now) - minute < MINUTE);
            }
        }
    }
}
