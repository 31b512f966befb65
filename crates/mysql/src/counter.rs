//! The per-region counter that topology, sentinel and policy rows take their `version` from.
//! Not for ids, and not for drawing a version in one transaction and writing it in another:
//! edge agents keep only a cursor, so numbers must become visible in the order they were drawn.
//! The counter row stays locked until the transaction ends, which is what makes that so.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement, Value};

use crate::entity::{ctrl_worker_meta, ctrl_worker_region_counters as counters};
use crate::{DbError, Lock, Tx};

/// Row of `ctrl_worker_meta` with what a re-created counter row adds to the highest version in use.
pub(crate) const MARGIN_KEY: &str = "counter_margin";

/// Draws the next version of a region. The number is used up only if `tx` commits.
pub async fn next(tx: &Tx, region_id: &str) -> Result<u64, DbError> {
    let mut drawn = next_many(tx, &BTreeSet::from([region_id.to_owned()])).await?;
    Ok(drawn.remove(region_id).unwrap_or_default())
}

/// Draws one version for each of these regions, locking them in ascending order of their ids.
pub async fn next_many(
    tx: &Tx,
    region_ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, u64>, DbError> {
    if region_ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut drawn = lock_rows(tx, region_ids).await?;
    let sql = format!(
        "UPDATE ctrl_worker_region_counters SET v = v + 1 WHERE region_id IN ({})",
        marks(region_ids.len())
    );
    tx.execute_raw(sql_with(&sql, region_ids.iter().cloned()))
        .await?;
    for row in drawn.values_mut() {
        row.v += 1;
    }
    Ok(drawn
        .into_iter()
        .map(|(region, row)| (region, row.v))
        .collect())
}

/// Draws a version for `nonce`. Repeating the call with the same nonce gives the same number,
/// whatever was drawn by [`next`] in between. The number is above `floor` (what another store of the
/// counter has reached) and above every version in the three tables.
pub async fn draw(tx: &Tx, region_id: &str, nonce: &str, floor: u64) -> Result<u64, DbError> {
    let row = lock_row(tx, region_id).await?;
    if let (Some(last), Some(v)) = (&row.draw_nonce, row.draw_v)
        && last == nonce
    {
        return Ok(v);
    }
    let v = row.v.max(floor).max(highest_in_rows(tx, region_id).await?) + 1;
    let sql = "UPDATE ctrl_worker_region_counters SET v = ?, draw_nonce = ?, draw_v = ? WHERE region_id = ?";
    let values: [Value; 4] = [v.into(), nonce.into(), v.into(), region_id.into()];
    tx.execute_raw(Statement::from_sql_and_values(
        DbBackend::MySql,
        sql,
        values,
    ))
    .await?;
    Ok(v)
}

/// Lifts the counter to at least `floor`, for taking over a counter that lived elsewhere.
pub async fn raise(tx: &Tx, region_id: &str, floor: u64) -> Result<(), DbError> {
    if lock_row(tx, region_id).await?.v < floor {
        let sql = "UPDATE ctrl_worker_region_counters SET v = ? WHERE region_id = ?";
        let values: [Value; 2] = [floor.into(), region_id.into()];
        tx.execute_raw(Statement::from_sql_and_values(
            DbBackend::MySql,
            sql,
            values,
        ))
        .await?;
    }
    Ok(())
}

/// The last version drawn; where no counter row exists yet, the highest version in use, 0 if none.
pub async fn read<C: ConnectionTrait>(connection: &C, region_id: &str) -> Result<u64, DbError> {
    match counters::Entity::find_by_id(region_id)
        .one(connection)
        .await?
    {
        Some(row) => Ok(row.v),
        None => highest_in_rows(connection, region_id).await,
    }
}

async fn lock_row(tx: &Tx, region_id: &str) -> Result<counters::Model, DbError> {
    let mut rows = lock_rows(tx, &BTreeSet::from([region_id.to_owned()])).await?;
    // lock_rows gives every row asked for or an error
    rows.remove(region_id).ok_or_else(|| missing(region_id))
}

/// Locks the rows of these regions in ascending order, creating the missing ones.
async fn lock_rows(
    tx: &Tx,
    region_ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, counters::Model>, DbError> {
    for region_id in region_ids {
        tx.touch_row(Lock::RegionCounters, region_id);
    }
    // Without a lock at first: locking a row that is not there would lock the gap, and two
    // transactions that create the same row would deadlock.
    let sql = format!(
        "SELECT region_id, v FROM ctrl_worker_region_counters WHERE region_id IN ({})",
        marks(region_ids.len())
    );
    let there = tx
        .query_all_raw(sql_with(&sql, region_ids.iter().cloned()))
        .await?;
    if there.len() < region_ids.len() {
        let mut absent = region_ids.clone();
        for row in there {
            absent.remove(&row.try_get::<String>("", "region_id")?);
        }
        create(tx, &absent).await?;
    }
    let sql = format!(
        "SELECT region_id, v, draw_nonce, draw_v FROM ctrl_worker_region_counters WHERE region_id IN ({}) ORDER BY region_id FOR UPDATE",
        marks(region_ids.len())
    );
    let rows = counters::Entity::find()
        .from_raw_sql(sql_with(&sql, region_ids.iter().cloned()))
        .all(tx)
        .await?;
    let rows: BTreeMap<_, _> = rows
        .into_iter()
        .map(|row| (row.region_id.clone(), row))
        .collect();
    match region_ids.iter().find(|id| !rows.contains_key(*id)) {
        Some(region_id) => Err(missing(region_id)),
        None => Ok(rows),
    }
}

/// Creates counter rows from the versions in use. Somebody else may do so at the same time: the
/// upsert waits for them with an exclusive lock (a plain insert would wait with a shared one and
/// deadlock on the next statement) and keeps the higher value.
async fn create(tx: &Tx, region_ids: &BTreeSet<String>) -> Result<(), DbError> {
    let margin = margin(tx).await?;
    for region_id in region_ids {
        let v = highest_in_rows(tx, region_id).await? + margin;
        let sql = "INSERT INTO ctrl_worker_region_counters (region_id, v) VALUES (?, ?) ON DUPLICATE KEY UPDATE v = GREATEST(v, VALUES(v))";
        let values: [Value; 2] = [region_id.as_str().into(), v.into()];
        tx.execute_raw(Statement::from_sql_and_values(
            DbBackend::MySql,
            sql,
            values,
        ))
        .await?;
    }
    Ok(())
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
    let row = connection
        .query_one_raw(sql_with(sql, [region_id; 3].map(str::to_owned)))
        .await?;
    match row {
        Some(row) => Ok(row.try_get("", "v")?),
        None => Ok(0),
    }
}

fn missing(region_id: &str) -> DbError {
    sea_orm::DbErr::RecordNotFound(format!("counter of region {region_id}")).into()
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn sql_with(sql: &str, values: impl IntoIterator<Item = String>) -> Statement {
    Statement::from_sql_and_values(DbBackend::MySql, sql, values.into_iter().map(Value::from))
}
