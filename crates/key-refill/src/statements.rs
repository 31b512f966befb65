//! The statements of a chunk. Each names the primary key as its index: the condition alone would tempt the optimiser to
//! read the index of refill amounts and sort, once a chunk. Not for their order: see `chunk`.
//!
//! All lists of rows have one of a few lengths, so that the server prepares few statements; the last row is repeated to
//! fill them.

use crate::day::Day;
use mysql::sea_orm::Value;
use mysql::sql;

/// What is due, of a row `k`. A key without a remaining number is unlimited and never due. Two values: the day of the
/// month, and the day above which all others count (see [`Day::also_above`]).
const DUE: &str = "k.refill_amount IS NOT NULL AND k.deleted_at_m IS NULL AND k.remaining_requests < k.refill_amount \
     AND (k.refill_day IS NULL OR k.refill_day = ? OR k.refill_day > ?)";

/// The id of the audit row of a key `k`: the date's prefix and 18 digits of a hash of the key's id. One value: the
/// prefix.
const AUDIT_ID: &str = "CONCAT(?, LEFT(SHA2(k.id, 256), 18))";

/// What people read of a key `k`.
const DISPLAY: &str = "IF(CHAR_LENGTH(k.name) > 0, k.name, k.id)";

/// Lengths of lists.
const LENGTHS: [usize; 3] = [10, 100, 900];

/// A statement and its values.
pub(crate) type Statement = (String, Vec<Value>);

fn due(day: Day) -> [Value; 2] {
    [day.of_month().into(), day.also_above().into()]
}

/// ` IN (?, …)` of `k.pk`, with its values.
fn in_rows(pks: &[u64]) -> Statement {
    let length = LENGTHS
        .into_iter()
        .find(|length| *length >= pks.len())
        .unwrap_or(pks.len());
    let last = pks.last().copied().unwrap_or_default();
    let filled = pks.iter().copied().chain(std::iter::repeat(last));
    (
        format!("k.pk IN ({})", sql::marks(length)),
        filled.take(length).map(Value::from).collect(),
    )
}

/// Looks for keys that are due, without a lock: `pk`, `id`, in order.
pub(crate) fn candidates(day: Day, after: u64, to: u64, limit: u64) -> Statement {
    let sql = format!(
        "SELECT k.pk, k.id FROM `keys` k FORCE INDEX (PRIMARY) WHERE k.pk > ? AND k.pk <= ? AND {DUE} ORDER BY k.pk LIMIT ?"
    );
    let [on, above] = due(day);
    (sql, vec![after.into(), to.into(), on, above, limit.into()])
}

/// Locks those of the rows that are still due: `pk`, in order.
pub(crate) fn lock(day: Day, pks: &[u64]) -> Statement {
    let (rows, mut values) = in_rows(pks);
    values.extend(due(day));
    let sql = format!(
        "SELECT k.pk FROM `keys` k FORCE INDEX (PRIMARY) WHERE {rows} AND {DUE} ORDER BY k.pk FOR UPDATE"
    );
    (sql, values)
}

/// Those of the rows that were refilled for the date before: `pk`.
pub(crate) fn refilled_before(day: Day, pks: &[u64]) -> Statement {
    let (rows, ids) = in_rows(pks);
    let sql = format!(
        "SELECT k.pk FROM `keys` k FORCE INDEX (PRIMARY) STRAIGHT_JOIN audit_log a ON a.id = {AUDIT_ID} WHERE {rows}"
    );
    let mut values = vec![day.audit_prefix().into()];
    values.extend(ids);
    (sql, values)
}

/// One audit row for each.
pub(crate) fn audit(day: Day, pks: &[u64], now: i64) -> Statement {
    let (rows, ids) = in_rows(pks);
    let sql = format!(
        "INSERT INTO audit_log (id, workspace_id, bucket, bucket_id, event, time, display, actor_type, actor_id, actor_name, \
         actor_meta, created_at) \
         SELECT {AUDIT_ID}, k.workspace_id, 'unkey_mutations', k.workspace_id, 'key.update', ?, \
         LEFT(CONCAT('Refilled key ', {DISPLAY}), 256), 'system', 'keyrefill', 'Key Refill Service', '{{}}', ? \
         FROM `keys` k FORCE INDEX (PRIMARY) WHERE {rows}"
    );
    let mut values = vec![day.audit_prefix().into(), now.into(), now.into()];
    values.extend(ids);
    (sql, values)
}

/// The key as a target of each audit row, with the numbers before and after.
pub(crate) fn audit_key(day: Day, pks: &[u64], now: i64) -> Statement {
    let (rows, ids) = in_rows(pks);
    let sql = format!(
        "INSERT INTO audit_log_target (workspace_id, bucket_id, bucket, audit_log_id, display_name, type, id, name, meta, created_at) \
         SELECT k.workspace_id, k.workspace_id, 'unkey_mutations', {AUDIT_ID}, {DISPLAY}, 'key', k.id, k.name, \
         JSON_OBJECT('refill_amount', k.refill_amount, 'previous_remaining', k.remaining_requests, 'new_remaining', k.refill_amount), ? \
         FROM `keys` k FORCE INDEX (PRIMARY) WHERE {rows}"
    );
    let mut values = vec![day.audit_prefix().into(), now.into()];
    values.extend(ids);
    (sql, values)
}

/// The workspace as a target of each audit row.
pub(crate) fn audit_workspace(day: Day, pks: &[u64], now: i64) -> Statement {
    let (rows, ids) = in_rows(pks);
    let sql = format!(
        "INSERT INTO audit_log_target (workspace_id, bucket_id, bucket, audit_log_id, display_name, type, id, meta, created_at) \
         SELECT k.workspace_id, k.workspace_id, 'unkey_mutations', {AUDIT_ID}, k.workspace_id, 'workspace', k.workspace_id, '{{}}', ? \
         FROM `keys` k FORCE INDEX (PRIMARY) WHERE {rows}"
    );
    let mut values = vec![day.audit_prefix().into(), now.into()];
    values.extend(ids);
    (sql, values)
}

/// The refill itself.
pub(crate) fn refill(pks: &[u64], now: i64) -> Statement {
    let (rows, ids) = in_rows(pks);
    let sql = format!(
        "UPDATE `keys` k FORCE INDEX (PRIMARY) SET k.remaining_requests = k.refill_amount, k.last_refill_at = UTC_TIMESTAMP(3), \
         k.updated_at_m = ? WHERE {rows}"
    );
    let mut values = vec![now.into()];
    values.extend(ids);
    (sql, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_has_as_many_values_as_marks_and_names_its_index() {
        let day = Day::of_key("2026-02-28").expect("a date");
        for rows in [1, 10, 11, 900, 901] {
            let pks: Vec<u64> = (1..=rows).collect();
            for (sql, values) in [
                candidates(day, 0, 9, 5),
                lock(day, &pks),
                refilled_before(day, &pks),
                audit(day, &pks, 1),
                audit_key(day, &pks, 1),
                audit_workspace(day, &pks, 1),
                refill(&pks, 1),
            ] {
                assert_eq!(sql.matches('?').count(), values.len(), "{sql}");
                assert_eq!(sql.matches("FORCE INDEX (PRIMARY)").count(), 1, "{sql}");
            }
        }
    }

    #[test]
    fn a_list_is_filled_with_its_last_row() {
        let (sql, values) = in_rows(&[3, 4]);
        assert_eq!(values.len(), 10);
        assert_eq!(sql.matches('?').count(), 10);
        assert_eq!(values[1..], vec![Value::from(4u64); 9]);
    }
}
