//! The per-region counter that topology, sentinel and policy rows take their `version` from.
//! Not for ids, and not for drawing a version in one transaction and writing it in another:
//! edge agents keep only a cursor, so numbers must become visible in the order they were drawn.
//! The counter row stays locked until the transaction ends, which is what makes that so.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, Statement,
    Value,
};

use crate::entity::{ctrl_worker_meta, ctrl_worker_region_counters as counters};
use crate::{DbError, Lock, Tx};

/// Row of `ctrl_worker_meta` with what a re-created counter row adds to the highest version in use.
pub(crate) const MARGIN_KEY: &str = "counter_margin";

/// Draws the next version of a region. The number is used up only if `tx` commits.
pub async fn next(tx: &Tx, region_id: &str) -> Result<u64, DbError> {
    let drawn = next_many(tx, &BTreeSet::from([region_id.to_owned()])).await?;
    drawn.get(region_id).copied().ok_or_else(|| gone(region_id))
}

/// Draws one version for each of these regions, locking them in ascending order of their ids.
pub async fn next_many(
    tx: &Tx,
    region_ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, u64>, DbError> {
    if region_ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    for region_id in region_ids {
        tx.touch_row(Lock::RegionCounters, region_id);
    }
    // The upsert locks exactly these rows, exclusively also where they are new to two transactions
    // at once. An UPDATE could lock the gap of a missing row and deadlock, or scan a small table.
    let sql = format!(
        "INSERT INTO ctrl_worker_region_counters (region_id, v) VALUES {} ON DUPLICATE KEY UPDATE v = v + 1",
        vec!["(?, 1)"; region_ids.len()].join(", ")
    );
    execute(tx, &sql, region_ids.iter().map(Value::from)).await?;
    // Without a lock: a transaction sees what it wrote itself.
    let rows = counters::Entity::find().filter(counters::Column::RegionId.is_in(region_ids));
    let mut drawn = BTreeMap::new();
    for row in rows.all(tx).await? {
        let v = match row.v {
            1 => first(tx, &row.region_id).await?,
            v => v,
        };
        drawn.insert(row.region_id, v);
    }
    Ok(drawn)
}

/// Draws a version for `nonce`. Repeating the call with the same nonce gives the same number,
/// whatever was drawn by [`next`] in between. The number is above `floor` (what another store of the
/// counter has reached) and above every version in the three tables.
pub async fn draw(tx: &Tx, region_id: &str, nonce: &str, floor: u64) -> Result<u64, DbError> {
    let row = lock(tx, region_id).await?;
    if let (Some(last), Some(v)) = (&row.draw_nonce, row.draw_v)
        && last == nonce
    {
        return Ok(v);
    }
    let v = row.v.max(floor).max(highest_in_rows(tx, region_id).await?) + 1;
    let sql = "UPDATE ctrl_worker_region_counters SET v = ?, draw_nonce = ?, draw_v = ? WHERE region_id = ?";
    execute(
        tx,
        sql,
        [v.into(), nonce.into(), v.into(), region_id.into()],
    )
    .await?;
    Ok(v)
}

/// Lifts the counter to at least `floor`, for taking over a counter that lived elsewhere.
pub async fn raise(tx: &Tx, region_id: &str, floor: u64) -> Result<(), DbError> {
    let v = lock(tx, region_id).await?.v.max(floor);
    let sql = "UPDATE ctrl_worker_region_counters SET v = ? WHERE region_id = ?";
    execute(tx, sql, [v.into(), region_id.into()]).await
}

/// The last version drawn; where none was drawn yet, the highest version in use, 0 if none.
pub async fn read<C: ConnectionTrait>(connection: &C, region_id: &str) -> Result<u64, DbError> {
    match counters::Entity::find_by_id(region_id)
        .one(connection)
        .await?
    {
        Some(row) if row.v > 0 => Ok(row.v),
        _ => highest_in_rows(connection, region_id).await,
    }
}

/// Locks the row of a region, creating it if need be. The `v` of a new row is where it must go on
/// from, and not written yet.
async fn lock(tx: &Tx, region_id: &str) -> Result<counters::Model, DbError> {
    tx.touch_row(Lock::RegionCounters, region_id);
    let sql = "INSERT INTO ctrl_worker_region_counters (region_id, v) VALUES (?, 0) ON DUPLICATE KEY UPDATE v = v";
    execute(tx, sql, [region_id.into()]).await?;
    let row = counters::Entity::find_by_id(region_id)
        .lock_exclusive()
        .one(tx)
        .await?;
    let mut row = row.ok_or_else(|| gone(region_id))?;
    if row.v == 0 {
        row.v = start(tx, region_id).await?;
    }
    Ok(row)
}

/// The first version of a counter row that was just created with 1.
async fn first(tx: &Tx, region_id: &str) -> Result<u64, DbError> {
    let v = start(tx, region_id).await? + 1;
    if v > 1 {
        let sql = "UPDATE ctrl_worker_region_counters SET v = ? WHERE region_id = ?";
        execute(tx, sql, [v.into(), region_id.into()]).await?;
    }
    Ok(v)
}

/// Where a new counter goes on from: the rows that are left, plus the margin if it was lost.
async fn start(tx: &Tx, region_id: &str) -> Result<u64, DbError> {
    Ok(highest_in_rows(tx, region_id).await? + margin(tx).await?)
}

/// What a lost counter may have handed out beyond the rows that are left; 0 unless it was lost.
async fn margin<C: ConnectionTrait>(connection: &C) -> Result<u64, DbError> {
    let row = ctrl_worker_meta::Entity::find_by_id(MARGIN_KEY)
        .one(connection)
        .await?;
    Ok(row.and_then(|row| row.value.parse().ok()).unwrap_or(0))
}

/// Highest version of the region in the three tables that share the counter; one index look-up each.
async fn highest_in_rows<C: ConnectionTrait>(
    connection: &C,
    region_id: &str,
) -> Result<u64, DbError> {
    let sql = "SELECT CAST(GREATEST(\
         COALESCE((SELECT MAX(version) FROM deployment_topology WHERE region_id = ?), 0), \
         COALESCE((SELECT MAX(version) FROM sentinels WHERE region_id = ?), 0), \
         COALESCE((SELECT MAX(version) FROM cilium_network_policies WHERE region_id = ?), 0)) AS UNSIGNED) AS v";
    let statement =
        Statement::from_sql_and_values(DbBackend::MySql, sql, [region_id; 3].map(Value::from));
    match connection.query_one_raw(statement).await? {
        Some(row) => Ok(row.try_get("", "v")?),
        None => Ok(0),
    }
}

async fn execute(
    tx: &Tx,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<(), DbError> {
    tx.execute_raw(Statement::from_sql_and_values(
        DbBackend::MySql,
        sql,
        values,
    ))
    .await?;
    Ok(())
}

/// A row we hold a lock on is not there.
fn gone(region_id: &str) -> DbError {
    sea_orm::DbErr::RecordNotFound(format!("counter of region {region_id}")).into()
}
