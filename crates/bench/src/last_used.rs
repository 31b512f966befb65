//! The last-used sync of many keys over all partitions, beside the same statements sent straight to the database. Not for
//! the other jobs.

use std::time::{Duration, Instant};

use clickhouse_engine::ClickHouse;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use key_last_used_partition_client::SERVICE as PARTITION;
use key_last_used_sync_client::SERVICE as SYNC;
use serde_json::json;

use crate::Result;
use crate::report::{Report, Row};
use crate::scale::Scale;
use crate::sql;
use crate::stack::Stack;

/// Partitions of a run, and keys of one statement, as the service has them.
const PARTITIONS: usize = 8;
const CHUNK: usize = 500;
/// Keys of one statement that prepares rows.
const PREPARED: usize = 5_000;
const MINUTE: i64 = 60_000;
/// The keys were used within so many minutes.
const MINUTES: usize = 10;
/// What the service may take beside the statements alone.
const AIM: f64 = 1.3;
const PATIENCE: Duration = Duration::from_secs(1_800);

pub(crate) async fn measure(stack: &Stack, scale: &Scale, report: &mut Report) -> Result<()> {
    let keys = scale.last_used;
    let clickhouse = ClickHouse::start().await?;
    let first = mysql::now_ms() / MINUTE * MINUTE - 60 * MINUTE;
    stack.sync_commits(false).await?;
    prepare(stack, &clickhouse, keys, first).await?;
    stack.sync_commits(true).await?;
    let raw = raw(stack, keys, first).await?;
    stack.sync_commits(false).await?;
    sql::execute(
        &stack.db,
        "UPDATE `keys` SET last_used_at = 0 WHERE id LIKE 'bench\\_lu\\_%'",
    )
    .await?;
    stack.sync_commits(true).await?;

    let sections = format!(
        "[clickhouse]\nurl = \"{}\"\nhttp_url = \"{}\"\n",
        clickhouse.native_url(),
        clickhouse.http_url()
    );
    let worker = stack.worker_with(&sections).await?;
    let ingress = stack.ingress.clone().with_timeout(Some(PATIENCE));
    let began = Instant::now();
    let answer = ingress.call(SYNC, None, "RunSync", &json!({})).await?;
    let took = began.elapsed();
    let synced = answer["keysSynced"].as_u64().unwrap_or(0);
    if synced != keys as u64 {
        return Err(format!("{synced} of {keys} keys were synced").into());
    }
    let memory = worker.memory()?;
    let commands =
        "SELECT SUM(journal_commands_size) AS n FROM sys_invocation WHERE target_service_name";
    let commands = stack
        .admin
        .query(&format!("{commands} = '{PARTITION}'"))
        .await?;
    worker.stop().await?;

    let ratio = took.as_secs_f64() / raw.as_secs_f64();
    let what = format!(
        "`RunSync` of {keys} keys in {PARTITIONS} partitions, used within {MINUTES} minutes"
    );
    let figure = format!(
        "{:.1} s, {:.0} keys/s; the statements alone {:.1} s; {ratio:.2} times; {} journal commands; worker at most {} MiB",
        took.as_secs_f64(),
        keys as f64 / took.as_secs_f64(),
        raw.as_secs_f64(),
        commands
            .first()
            .map_or_else(String::new, |row| row["n"].to_string()),
        memory.peak / 1_024,
    );
    let aim = "at most 1.3 times the statements alone";
    report.add(Row::new("last-used-sync", what, figure).aim(aim, ratio <= AIM));
    Ok(())
}

/// Rows of keys that were never used, and their use in ClickHouse.
async fn prepare(stack: &Stack, clickhouse: &ClickHouse, keys: usize, first: i64) -> Result<()> {
    for begin in (0..keys).step_by(PREPARED) {
        let rows: Vec<String> = (begin..keys.min(begin + PREPARED))
            .map(|i| format!("('{0}', 'ks', '{0}', 'start', 'ws')", id(i)))
            .collect();
        let statement = format!(
            "INSERT INTO `keys` (id, key_auth_id, hash, start, workspace_id) VALUES {}",
            rows.join(", ")
        );
        sql::execute(&stack.db, &statement).await?;
    }
    let statement = format!(
        "INSERT INTO default.key_last_used_v1 (workspace_id, key_space_id, key_id, time) \
         SELECT 'ws', 'ks', concat('bench_lu_', leftPad(toString(number), 8, '0')), {first} + intDiv(number * {MINUTES}, {keys}) * {MINUTE} FROM numbers({keys})"
    );
    clickhouse.query(&statement).await?;
    Ok(())
}

fn id(number: usize) -> String {
    format!("bench_lu_{number:08}")
}

/// The statements the service sends, from as many connections as it has partitions.
async fn raw(stack: &Stack, keys: usize, first: i64) -> Result<Duration> {
    let began = Instant::now();
    let per_minute = keys.div_ceil(MINUTES);
    let mut chunks = Vec::new();
    for minute in 0..MINUTES {
        let (begin, end) = (minute * per_minute, keys.min((minute + 1) * per_minute));
        let at = first + i64::try_from(minute)? * MINUTE;
        chunks.extend(
            (begin..end)
                .step_by(CHUNK)
                .map(|b| (b, end.min(b + CHUNK), at)),
        );
    }
    stream::iter(chunks)
        .map(|(begin, end, at)| async move {
            let statement = format!(
                "UPDATE `keys` FORCE INDEX (keys_id_unique) SET last_used_at = ? WHERE id IN ({}) AND last_used_at < ?",
                sql::marks(end - begin)
            );
            let values = std::iter::once(at.into())
                .chain((begin..end).map(|i| id(i).into()))
                .chain(std::iter::once(at.into()));
            mysql::sql::execute(stack.db.primary(), &statement, values).await
        })
        .buffer_unordered(PARTITIONS)
        .try_for_each(|_| std::future::ready(Ok::<(), mysql::DbError>(())))
        .await?;
    Ok(began.elapsed())
}
