//! One transaction: locks the next keys that are due, writes their audit rows and refills them, together or not at all.
//!
//! Idempotent twice over. A key whose audit row of the date exists is left alone, whoever repeats what. And the
//! invocation's row in `ctrl_worker_refills` keeps the last answer, so that a step whose answer was lost counts its keys;
//! losing that table costs no more than such a count.

use crate::day::Day;
use crate::plan::{Range, Settings};
use crate::statements::{self, Statement};
use durable::Stop;
use mysql::{Db, DbError, Lock, Tx, now_ms, sql};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who refills for which date, and which keys are none of its business.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) db: &'a Db,
    pub(crate) settings: &'a Settings,
    pub(crate) invocation: &'a str,
    pub(crate) day: Day,
    /// Keys the existing worker refilled for the date.
    pub(crate) processed: &'a BTreeSet<String>,
}

/// What a transaction did; journaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    /// Keys refilled.
    pub(crate) refilled: u64,
    /// The last row looked at; the range is done when it is the range's last.
    pub(crate) reached: u64,
}

#[derive(FromQueryResult)]
struct Candidate {
    pk: u64,
    id: String,
}

#[derive(FromQueryResult)]
struct Pk {
    pk: Option<u64>,
}

#[derive(FromQueryResult)]
struct Kept {
    after_pk: Option<u64>,
    reached_pk: u64,
    refilled: u64,
}

impl Kept {
    /// The answer of the very transaction that began there.
    fn answer(&self, range: Range) -> Option<Chunk> {
        (self.after_pk == Some(range.after)).then_some(Chunk {
            refilled: self.refilled,
            reached: self.reached_pk,
        })
    }
}

/// Refills the first keys of the range that are due.
pub(crate) async fn refill(task: &Task<'_>, range: Range) -> Result<Chunk, Stop> {
    let kept =
        "SELECT after_pk, reached_pk, refilled FROM ctrl_worker_refills WHERE invocation_id = ?";
    let values = [task.invocation.into()];
    let kept: Option<Kept> = sql::one(task.db.primary(), kept, values).await?;
    if let Some(answer) = kept.and_then(|kept| kept.answer(range)) {
        return Ok(answer);
    }
    let (pks, reached) = look(task, range).await?;
    if pks.is_empty() {
        return Ok(Chunk {
            refilled: 0,
            reached,
        });
    }
    let (chunk, done_now) = transaction(task, range, &pks, reached).await?;
    if done_now {
        metrics::counter!("ctrl_worker_run_items_total", "kind" => "key-refill")
            .increment(chunk.refilled);
    }
    Ok(chunk)
}

/// The keys to refill, and up to which row they were looked for.
async fn look(task: &Task<'_>, range: Range) -> Result<(Vec<u64>, u64), DbError> {
    let settings = task.settings;
    let end = range
        .after
        .saturating_add(settings.window.max(1))
        .min(range.to);
    let (text, values) = statements::candidates(task.day, range.after, end, settings.chunk.max(1));
    let found: Vec<Candidate> = sql::all(task.db.primary(), &text, values).await?;
    let reached = match found.last() {
        Some(last) if found.len() as u64 >= settings.chunk => last.pk,
        // rows may be far apart: the next look begins where there is one
        None if end < range.to => before_next(task.db, end, range.to).await?,
        _ => end,
    };
    let ours = found
        .into_iter()
        .filter(|key| !task.processed.contains(&key.id));
    Ok((ours.map(|key| key.pk).collect(), reached))
}

/// The row number before the next row, or the range's last.
async fn before_next(db: &Db, after: u64, to: u64) -> Result<u64, DbError> {
    let next = "SELECT MIN(pk) AS pk FROM `keys` WHERE pk > ? AND pk <= ?";
    let next: Option<Pk> = sql::one(db.primary(), next, [after.into(), to.into()]).await?;
    Ok(next.and_then(|row| row.pk).map_or(to, |pk| pk - 1))
}

/// Gives the answer, and whether it was this transaction that did it.
async fn transaction(
    task: &Task<'_>,
    range: Range,
    pks: &[u64],
    reached: u64,
) -> Result<(Chunk, bool), DbError> {
    let tx = task.db.begin().await?;
    let now = now_ms();
    if let Some(answer) = take_row(&tx, task, now).await?.answer(range) {
        // an earlier attempt of this very step was still on its way
        return Ok((answer, false));
    }
    tx.touch(Lock::Keys);
    let mut due = numbers(&tx, statements::lock(task.day, pks)).await?;
    if !due.is_empty() {
        // Read after the locks were taken: whoever held one before has committed its audit rows.
        let before = numbers(&tx, statements::refilled_before(task.day, &due)).await?;
        due.retain(|pk| !before.contains(pk));
    }
    if !due.is_empty() {
        run(&tx, statements::audit(task.day, &due, now)).await?;
        run(&tx, statements::audit_key(task.day, &due, now)).await?;
        run(&tx, statements::audit_workspace(task.day, &due, now)).await?;
        run(&tx, statements::refill(&due, now)).await?;
    }
    let chunk = Chunk {
        refilled: due.len() as u64,
        reached,
    };
    keep(&tx, task, range, chunk, now).await?;
    tx.commit().await?;
    Ok((chunk, true))
}

/// Locks the invocation's row, which is created first where there is none: a lock on what is missing would hold up
/// other invocations.
async fn take_row(tx: &Tx, task: &Task<'_>, now: i64) -> Result<Kept, DbError> {
    tx.touch(Lock::Refills);
    let create = "INSERT INTO ctrl_worker_refills (invocation_id, day, reached_pk, refilled, updated_at) VALUES (?, ?, 0, 0, ?) \
                  ON DUPLICATE KEY UPDATE updated_at = VALUES(updated_at)";
    let values = [task.invocation.into(), task.day.name().into(), now.into()];
    sql::execute(tx, create, values).await?;
    let read = "SELECT after_pk, reached_pk, refilled FROM ctrl_worker_refills WHERE invocation_id = ? FOR UPDATE";
    let row = sql::one(tx, read, [task.invocation.into()]).await?;
    Ok(row.unwrap_or(Kept {
        after_pk: None,
        reached_pk: 0,
        refilled: 0,
    }))
}

async fn keep(
    tx: &Tx,
    task: &Task<'_>,
    range: Range,
    chunk: Chunk,
    now: i64,
) -> Result<(), DbError> {
    let keep = "UPDATE ctrl_worker_refills SET after_pk = ?, reached_pk = ?, refilled = ?, updated_at = ? WHERE invocation_id = ?";
    let values = [
        range.after.into(),
        chunk.reached.into(),
        chunk.refilled.into(),
        now.into(),
        task.invocation.into(),
    ];
    sql::execute(tx, keep, values).await.map(drop)
}

async fn numbers(
    connection: &impl ConnectionTrait,
    (text, values): Statement,
) -> Result<Vec<u64>, DbError> {
    let rows: Vec<Pk> = sql::all(connection, &text, values).await?;
    Ok(rows.into_iter().filter_map(|row| row.pk).collect())
}

async fn run(connection: &impl ConnectionTrait, (text, values): Statement) -> Result<(), DbError> {
    sql::execute(connection, &text, values).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_of_the_same_transaction_is_given_again() {
        let kept = |after_pk| Kept {
            after_pk,
            reached_pk: 20,
            refilled: 7,
        };
        let range = Range { after: 10, to: 99 };
        let answer = Chunk {
            refilled: 7,
            reached: 20,
        };
        assert_eq!(kept(Some(10)).answer(range), Some(answer));
        assert_eq!(kept(Some(9)).answer(range), None);
        assert_eq!(kept(None).answer(Range { after: 0, to: 99 }), None);
    }
}
