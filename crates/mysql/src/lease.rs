//! Work that one replica does at a time: whoever holds the row of `ctrl_worker_locks`, for as long as it said.
//!
//! Not for what must never be done twice: a holder that is paused longer than its lease does not notice. What it does is
//! made safe by itself.

use std::time::Duration;

use crate::{Db, DbError, now_ms, sql};

/// Takes or prolongs the lease with this name. False: somebody else has it.
///
/// # Errors
/// The database cannot be asked.
pub async fn take(db: &Db, name: &str, holder: &str, time: Duration) -> Result<bool, DbError> {
    let now = now_ms();
    let until = now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    sql::execute(
        db.primary(),
        "INSERT IGNORE INTO ctrl_worker_locks (name, holder, until_at) VALUES (?, '', 0)",
        [name.into()],
    )
    .await?;
    let taken = sql::execute(
        db.primary(),
        "UPDATE ctrl_worker_locks SET holder = ?, until_at = ? WHERE name = ? AND (holder = ? OR until_at < ?)",
        [
            holder.into(),
            until.into(),
            name.into(),
            holder.into(),
            now.into(),
        ],
    )
    .await?;
    Ok(taken == 1)
}
