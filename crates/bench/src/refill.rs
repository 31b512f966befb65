//! The refill of many keys, with its audit rows, beside the same statements sent straight to the database. Not for the
//! other jobs.

use std::time::{Duration, Instant};

use key_refill_client::SERVICE;
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use serde_json::json;

use crate::Result;
use crate::report::{Report, Row};
use crate::scale::Scale;
use crate::sql;
use crate::stack::Stack;

/// The date refilled for, and the beginning of its audit ids.
const DATE: &str = "2026-01-31";
const AUDIT: &str = "log_258d90";
/// As the service has them: keys of one transaction, rows that one range has at least, ranges side by side at most.
const CHUNK: usize = 900;
const RANGE: u64 = 250_000;
const LANES: u64 = 4;
/// Rows of one statement that prepares.
const PREPARED: usize = 100_000;
const AIM: f64 = 1.3;
const MOST_MEMORY: u64 = 80 * 1_024;
const PATIENCE: Duration = Duration::from_secs(1_800);

const DUE: &str = "k.refill_amount IS NOT NULL AND k.deleted_at_m IS NULL AND k.remaining_requests < k.refill_amount \
                   AND (k.refill_day IS NULL OR k.refill_day = 31 OR k.refill_day > 31)";

pub(crate) async fn measure(stack: &Stack, scale: &Scale, report: &mut Report) -> Result<()> {
    let due = scale.refill;
    sql::roomy(&stack.db).await?;
    stack.sync_commits(false).await?;
    prepare(stack, 2 * due).await?;
    let before = sql::number(
        &stack.db,
        "SELECT CAST(COALESCE(MIN(pk), 1) AS SIGNED) - 1 AS n FROM `keys`",
        vec![],
    )
    .await?;
    let last = sql::number(
        &stack.db,
        "SELECT CAST(COALESCE(MAX(pk), 0) AS SIGNED) AS n FROM `keys`",
        vec![],
    )
    .await?;
    sql::settle(&stack.db).await?;
    stack.sync_commits(true).await?;
    let lanes = u64::try_from(last - before)?
        .div_ceil(RANGE)
        .clamp(1, LANES);
    let (before, last) = (u64::try_from(before)?, u64::try_from(last)?);
    let first = raw(stack, before, last, lanes, due).await?;
    again(stack, before, last).await?;

    let worker = stack.worker_with("[scheduler]\nenabled = false\n").await?;
    let memory_before = worker.memory()?;
    let ingress = stack.ingress.clone().with_timeout(Some(PATIENCE));
    let began = Instant::now();
    let answer = ingress.call(SERVICE, DATE, "RunRefill", &json!({})).await?;
    let took = began.elapsed();
    let refilled = answer["keysRefilled"].as_u64().unwrap_or(0);
    let audited = sql::number(&stack.db, "SELECT COUNT(*) AS n FROM audit_log", vec![]).await?;
    if refilled != due as u64 || audited != i64::try_from(due)? {
        return Err(format!("{refilled} of {due} keys were refilled, {audited} audited").into());
    }
    let memory = worker.memory()?;
    let commands = format!(
        "SELECT COUNT(*) AS invocations, SUM(journal_commands_size) AS commands, MAX(journal_commands_size) AS longest \
         FROM sys_invocation WHERE target_service_name = '{SERVICE}'"
    );
    let journal = stack.admin.query(&commands).await?;
    let journal = journal.first().ok_or("Restate gave no row")?;
    worker.stop().await?;
    again(stack, before, last).await?;
    let second = raw(stack, before, last, lanes, due).await?;

    let raw = first.min(second);
    let ratio = took.as_secs_f64() / raw.as_secs_f64();
    let what = format!(
        "`RunRefill` of {due} due keys among {}, with audit rows; beside it the statements alone, before and after it and in the same \
         shape: {lanes} at a time, {CHUNK} keys a transaction",
        2 * due
    );
    let figure = format!(
        "{:.1} s, {:.0} keys/s; the statements alone {:.1} s before and {:.1} s after, {:.0} keys/s; {ratio:.2} times; {} journal commands in {} invocations, \
         at most {} in one; worker {} MiB before, at most {} MiB",
        took.as_secs_f64(),
        due as f64 / took.as_secs_f64(),
        first.as_secs_f64(),
        second.as_secs_f64(),
        due as f64 / raw.as_secs_f64(),
        journal["commands"],
        journal["invocations"],
        journal["longest"],
        memory_before.now / 1_024,
        memory.peak / 1_024,
    );
    let passed = ratio <= AIM && took <= Duration::from_secs(60) && memory.peak < MOST_MEMORY;
    let aim = "at most 1.3 times the statements alone, 60 s, 80 MiB";
    report.add(Row::new("refill", what, figure).aim(aim, passed));
    Ok(())
}

/// The rows as they were.
async fn again(stack: &Stack, before: u64, last: u64) -> Result<()> {
    stack.sync_commits(false).await?;
    for table in ["audit_log", "audit_log_target"] {
        sql::execute(&stack.db, &format!("TRUNCATE TABLE {table}")).await?;
    }
    for begin in (before..last).step_by(PREPARED) {
        let end = begin + PREPARED as u64;
        let again = format!(
            "UPDATE `keys` SET remaining_requests = 7, updated_at_m = 1 WHERE pk > {begin} AND pk <= {end} AND updated_at_m > 1"
        );
        sql::execute(&stack.db, &again).await?;
    }
    sql::settle(&stack.db).await?;
    stack.sync_commits(true).await
}

/// So many keys, every other one used since it was refilled the day before.
async fn prepare(stack: &Stack, keys: usize) -> Result<()> {
    for begin in (0..keys).step_by(PREPARED) {
        let end = keys.min(begin + PREPARED);
        let statement = format!(
            "INSERT INTO `keys` (id, key_auth_id, hash, start, workspace_id, name, refill_amount, remaining_requests, last_refill_at, updated_at_m) \
             SELECT CONCAT('key_bench', seq), 'ks', CONCAT('hash_of_bench', seq), 'start', CONCAT('ws_', seq % 1000), \
             IF(seq % 3, CONCAT('key ', seq), NULL), 1000, IF(seq % 2, 1000, 7), \
             UTC_TIMESTAMP(3) - INTERVAL 1 DAY, 1 FROM seq_{}_to_{end}",
            begin + 1
        );
        sql::execute(&stack.db, &statement).await?;
    }
    Ok(())
}

/// The statements of the service, without Restate and what the service keeps for repeated steps.
async fn raw(stack: &Stack, before: u64, last: u64, lanes: u64, due: usize) -> Result<Duration> {
    let began = Instant::now();
    let share = (last - before).div_ceil(lanes);
    let lanes = (0..lanes).map(|lane| {
        let after = before + lane * share;
        lane_of(&stack.db, after, last.min(after + share))
    });
    let counts = futures::future::try_join_all(lanes).await?;
    let took = began.elapsed();
    let refilled: usize = counts.into_iter().sum();
    if refilled == due {
        Ok(took)
    } else {
        Err(format!("the statements alone refilled {refilled} of {due} keys").into())
    }
}

async fn lane_of(db: &Db, mut after: u64, to: u64) -> Result<usize> {
    let look = format!(
        "SELECT k.pk FROM `keys` k FORCE INDEX (PRIMARY) WHERE k.pk > ? AND k.pk <= ? AND {DUE} ORDER BY k.pk LIMIT {CHUNK}"
    );
    let mut refilled = 0;
    while after < to {
        let end = to.min(after + 50_000);
        let found = numbers(sql::rows(db, &look, vec![after.into(), end.into()]).await?)?;
        after = match found.last() {
            Some(last) if found.len() == CHUNK => *last,
            _ => end,
        };
        if !found.is_empty() {
            refilled += chunk(db, &found).await?;
        }
    }
    Ok(refilled)
}

async fn chunk(db: &Db, found: &[u64]) -> Result<usize> {
    let tx = db.begin().await?;
    let now = mysql::now_ms();
    let last = found.last().copied().unwrap_or_default();
    let rows = format!("k.pk IN ({})", sql::marks(CHUNK));
    let in_rows = |first: Vec<Value>| -> Vec<Value> {
        let all = found.iter().copied().chain(std::iter::repeat(last));
        first
            .into_iter()
            .chain(all.take(CHUNK).map(Value::from))
            .collect()
    };
    let statement =
        |text: String, values| Statement::from_sql_and_values(DbBackend::MySql, text, values);
    let keys = "FROM `keys` k FORCE INDEX (PRIMARY)";
    let id = "CONCAT(?, LEFT(SHA2(k.id, 256), 18))";
    let display = "IF(CHAR_LENGTH(k.name) > 0, k.name, k.id)";
    let lock = format!("SELECT k.pk {keys} WHERE {rows} AND {DUE} ORDER BY k.pk FOR UPDATE");
    let locked = tx
        .query_all_raw(statement(lock, in_rows(vec![])))
        .await?
        .len();
    let before =
        format!("SELECT k.pk {keys} STRAIGHT_JOIN audit_log a ON a.id = {id} WHERE {rows}");
    tx.query_all_raw(statement(before, in_rows(vec![AUDIT.into()])))
        .await?;
    let inserts = [
        (
            format!(
                "INSERT INTO audit_log (id, workspace_id, bucket, bucket_id, event, time, display, actor_type, actor_id, actor_name, \
                 actor_meta, created_at) SELECT {id}, k.workspace_id, 'unkey_mutations', k.workspace_id, 'key.update', ?, \
                 LEFT(CONCAT('Refilled key ', {display}), 256), 'system', 'keyrefill', 'Key Refill Service', '{{}}', ? {keys} WHERE {rows}"
            ),
            vec![AUDIT.into(), now.into(), now.into()],
        ),
        (
            format!(
                "INSERT INTO audit_log_target (workspace_id, bucket_id, bucket, audit_log_id, display_name, type, id, name, meta, created_at) \
                 SELECT k.workspace_id, k.workspace_id, 'unkey_mutations', {id}, {display}, 'key', k.id, k.name, \
                 JSON_OBJECT('refill_amount', k.refill_amount, 'previous_remaining', k.remaining_requests, 'new_remaining', k.refill_amount), ? \
                 {keys} WHERE {rows}"
            ),
            vec![AUDIT.into(), now.into()],
        ),
        (
            format!(
                "INSERT INTO audit_log_target (workspace_id, bucket_id, bucket, audit_log_id, display_name, type, id, meta, created_at) \
                 SELECT k.workspace_id, k.workspace_id, 'unkey_mutations', {id}, k.workspace_id, 'workspace', k.workspace_id, '{{}}', ? \
                 {keys} WHERE {rows}"
            ),
            vec![AUDIT.into(), now.into()],
        ),
        (
            format!(
                "UPDATE `keys` k FORCE INDEX (PRIMARY) SET k.remaining_requests = k.refill_amount, k.last_refill_at = UTC_TIMESTAMP(3), \
                 k.updated_at_m = ? WHERE {rows}"
            ),
            vec![now.into()],
        ),
    ];
    for (text, first) in inserts {
        tx.execute_raw(statement(text, in_rows(first))).await?;
    }
    tx.commit().await?;
    Ok(locked)
}

fn numbers(rows: Vec<mysql::sea_orm::QueryResult>) -> Result<Vec<u64>> {
    let pk = |row: &mysql::sea_orm::QueryResult| Ok(row.try_get("", "pk")?);
    rows.iter().map(pk).collect()
}
