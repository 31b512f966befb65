//! The last-used sync of many keys over all partitions, beside the same statements sent straight to the database. Not for
//! the other jobs.

use std::time::{Duration, Instant};

use analytics::{Address, Analytics, LastUsed, LastUsedPage};
use clickhouse_engine::ClickHouse;
use key_last_used_partition_client::SERVICE as PARTITION;
use key_last_used_sync_client::SERVICE as SYNC;
use serde_json::json;

use crate::Result;
use crate::report::{Report, Row};
use crate::scale::Scale;
use crate::sql;
use crate::stack::Stack;

/// As the service has them: partitions of a run, keys of one page, keys of one statement.
const PARTITIONS: u64 = 8;
const PAGE: usize = 25_000;
const CHUNK: usize = 500;
/// Keys of one statement that prepares rows.
const PREPARED: usize = 5_000;
const MINUTE: i64 = 60_000;
/// The keys were used within so many minutes.
const MINUTES: usize = 10;
/// What the service may take beside its reads and writes alone.
const AIM: f64 = 1.3;
const PATIENCE: Duration = Duration::from_secs(1_800);

pub(crate) async fn measure(stack: &Stack, scale: &Scale, report: &mut Report) -> Result<()> {
    let keys = scale.last_used;
    sql::roomy(&stack.db).await?;
    let clickhouse = ClickHouse::start().await?;
    let first = mysql::now_ms() / MINUTE * MINUTE - 60 * MINUTE;
    stack.sync_commits(false).await?;
    prepare(stack, &clickhouse, keys, first).await?;
    sql::settle(&stack.db).await?;
    stack.sync_commits(true).await?;
    let raw = raw(stack, &clickhouse, keys).await?;
    stack.sync_commits(false).await?;
    sql::execute(
        &stack.db,
        "UPDATE `keys` SET last_used_at = 0 WHERE id LIKE 'bench\\_lu\\_%'",
    )
    .await?;
    sql::settle(&stack.db).await?;
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
        "`RunSync` of {keys} keys in {PARTITIONS} partitions, used within {MINUTES} minutes; beside it its reads and writes alone, \
         before it and in the same shape: {PARTITIONS} connections, pages of {PAGE} keys, {CHUNK} keys a statement"
    );
    let figure = format!(
        "{:.1} s, {:.0} keys/s; reads and writes alone {:.1} s; {ratio:.2} times; {} journal commands; worker at most {} MiB",
        took.as_secs_f64(),
        keys as f64 / took.as_secs_f64(),
        raw.as_secs_f64(),
        commands
            .first()
            .map_or_else(String::new, |row| row["n"].to_string()),
        memory.peak / 1_024,
    );
    let aim = "at most 1.3 times reads and writes alone";
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

/// What the service reads and writes, from as many connections as it has partitions.
async fn raw(stack: &Stack, clickhouse: &ClickHouse, keys: usize) -> Result<Duration> {
    let address = Address::parse(&clickhouse.native_url(), Some(&clickhouse.http_url()))?;
    let analytics = Analytics::new(&address)?;
    let began = Instant::now();
    let partitions = (0..PARTITIONS).map(|partition| raw_partition(stack, &analytics, partition));
    let written: u64 = futures::future::try_join_all(partitions)
        .await?
        .into_iter()
        .sum();
    let took = began.elapsed();
    if written == keys as u64 {
        Ok(took)
    } else {
        Err(format!("the statements alone wrote {written} of {keys} keys").into())
    }
}

async fn raw_partition(stack: &Stack, analytics: &Analytics, partition: u64) -> Result<u64> {
    let (mut written, mut after_time, mut after_key) = (0, 0, String::new());
    loop {
        let page = LastUsedPage {
            after_time,
            after_key: &after_key,
            partitions: PARTITIONS,
            partition,
            limit: PAGE as u64,
        };
        let mut page = analytics.last_used(page).await?;
        for part in page.chunks(CHUNK) {
            // Keys come in the order of their use: those of one minute stand side by side.
            for same in part.chunk_by(|a, b| a.last_used / MINUTE == b.last_used / MINUTE) {
                written += raw_minute(stack, same).await?;
            }
        }
        match page.pop() {
            Some(last) => (after_time, after_key) = (last.last_used, last.key_id),
            None => return Ok(written),
        }
    }
}

async fn raw_minute(stack: &Stack, keys: &[LastUsed]) -> Result<u64> {
    let minute = keys.first().map_or(0, |key| key.last_used) / MINUTE * MINUTE;
    let statement = format!(
        "UPDATE `keys` FORCE INDEX (keys_id_unique) SET last_used_at = ? WHERE id IN ({}) AND last_used_at < ?",
        sql::marks(keys.len())
    );
    let values = std::iter::once(minute.into())
        .chain(keys.iter().map(|key| key.key_id.as_str().into()))
        .chain(std::iter::once(minute.into()));
    Ok(mysql::sql::execute(stack.db.primary(), &statement, values).await?)
}
