//! The quota check of many workspaces, beside the same reads and messages without a worker. Not for the other jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use analytics::{Address, Analytics};
use clickhouse_engine::ClickHouse;
use mysql::sea_orm::Value;
use quota_check_client::SERVICE;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::Result;
use crate::report::{Report, Row};
use crate::scale::Scale;
use crate::sql;
use crate::stack::Stack;

const MONTH: &str = "2026-01";
/// Ids of one look, as the service has them.
const BATCH: usize = 100;
/// The least usage that the service asks for.
const FLOOR: i64 = 150_000;
/// One workspace of so many is over its quota.
const OVER: usize = 1_000;
const PREPARED: usize = 20_000;
const AIM: f64 = 1.3;
const PATIENCE: Duration = Duration::from_secs(1_800);

pub(crate) async fn measure(stack: &Stack, scale: &Scale, report: &mut Report) -> Result<()> {
    let workspaces = scale.quota;
    sql::roomy(&stack.db).await?;
    let clickhouse = ClickHouse::start().await?;
    stack.sync_commits(false).await?;
    prepare(stack, &clickhouse, workspaces).await?;
    sql::settle(&stack.db).await?;
    stack.sync_commits(true).await?;
    let hook = Hook::start().await?;
    let raw = raw(stack, &clickhouse, &hook, workspaces).await?;

    let sections = format!(
        "[scheduler]\nenabled = false\n[clickhouse]\nurl = \"{}\"\nhttp_url = \"{}\"\n\
         [slack]\nquota_check_webhook_url = \"{}\"\n[heartbeat]\nquota_check_url = \"{}\"\n",
        clickhouse.native_url(),
        clickhouse.http_url(),
        hook.url,
        hook.url,
    );
    let worker = stack.worker_with(&sections).await?;
    let ingress = stack.ingress.clone().with_timeout(Some(PATIENCE));
    let began = Instant::now();
    let answer = ingress.call(SERVICE, MONTH, "RunCheck", &json!({})).await?;
    let took = began.elapsed();
    let number = |name: &str| answer[name].as_u64().unwrap_or(0);
    let over = workspaces.div_ceil(OVER) as u64;
    let counts = (
        number("workspacesChecked"),
        number("workspacesExceeded"),
        number("notificationsSent"),
    );
    // Those of the statements alone were as many.
    let heard = hook.heard.load(Ordering::Relaxed) as u64 - over;
    if counts != (workspaces as u64, over, over) || heard != over + 1 {
        return Err(format!(
            "checked, exceeded, sent: {counts:?}, and {heard} requests were heard"
        )
        .into());
    }
    let memory = worker.memory()?;
    let commands = format!(
        "SELECT SUM(journal_commands_size) AS n FROM sys_invocation WHERE target_service_name = '{SERVICE}'"
    );
    let commands = stack.admin.query(&commands).await?;
    worker.stop().await?;

    let ratio = took.as_secs_f64() / raw.as_secs_f64();
    let what = format!(
        "`RunCheck` of {workspaces} workspaces, {over} of them told in Slack; beside it its reads and messages alone, before it and in \
         the same shape: one after the other, {BATCH} workspaces a statement"
    );
    let figure = format!(
        "{:.1} s, {:.0} workspaces/s; reads and messages alone {:.1} s; {ratio:.2} times; {} journal commands; worker at most {} MiB",
        took.as_secs_f64(),
        workspaces as f64 / took.as_secs_f64(),
        raw.as_secs_f64(),
        commands
            .first()
            .map_or_else(String::new, |row| row["n"].to_string()),
        memory.peak / 1_024,
    );
    let aim = "at most 1.3 times reads and messages alone";
    report.add(Row::new("quota-check", what, figure).aim(aim, ratio <= AIM));
    Ok(())
}

/// Workspaces with a quota and usage above the floor.
async fn prepare(stack: &Stack, clickhouse: &ClickHouse, workspaces: usize) -> Result<()> {
    for begin in (0..workspaces).step_by(PREPARED) {
        let rows = format!(
            "FROM seq_{}_to_{}",
            begin + 1,
            workspaces.min(begin + PREPARED)
        );
        let id = "CONCAT('ws_bench', LPAD(seq, 7, '0'))";
        let statement = format!(
            "INSERT INTO workspaces (id, org_id, name, slug, beta_features) SELECT {id}, CONCAT('org', seq), CONCAT('Workspace ', seq), \
             CONCAT('bench-', seq), '{{}}' {rows}"
        );
        sql::execute(&stack.db, &statement).await?;
        let statement = format!(
            "INSERT INTO quota (workspace_id, requests_per_month) SELECT {id}, IF(seq % {OVER} = 1, 150000, 1000000) {rows}"
        );
        sql::execute(&stack.db, &statement).await?;
    }
    for table in ["verifications", "ratelimits"] {
        let statement = format!(
            "INSERT INTO default.billable_{table}_per_month_v2 (year, month, workspace_id, count) \
             SELECT 2026, 1, concat('ws_bench', leftPad(toString(number + 1), 7, '0')), 100000 FROM numbers({workspaces})"
        );
        clickhouse.query(&statement).await?;
    }
    Ok(())
}

/// The questions and messages of the service, one after the other as it has them.
async fn raw(
    stack: &Stack,
    clickhouse: &ClickHouse,
    hook: &Hook,
    workspaces: usize,
) -> Result<Duration> {
    let look = format!(
        "SELECT w.id, w.org_id, w.name, w.stripe_customer_id, w.tier, w.enabled, w.deleted_at_m, q.requests_per_month \
         FROM workspaces w LEFT JOIN quota q ON q.workspace_id = w.id WHERE w.id IN ({})",
        sql::marks(BATCH)
    );
    let address = Address::parse(&clickhouse.native_url(), Some(&clickhouse.http_url()))?;
    let analytics = Analytics::new(&address)?;
    let client = reqwest::Client::builder().build()?;
    let began = Instant::now();
    let usage = analytics.usage(2026, 1, FLOOR).await?;
    let mut found = 0;
    for batch in usage.chunks(BATCH) {
        let last = batch.last().map_or("", |usage| usage.workspace_id.as_str());
        let all = batch.iter().map(|usage| usage.workspace_id.as_str());
        let all = all.chain(std::iter::repeat(last));
        let values = all.take(BATCH).map(Value::from).collect();
        found += sql::rows(&stack.db, &look, values).await?.len();
    }
    for _ in 0..workspaces.div_ceil(OVER) {
        let message = client.post(&hook.url).body("{}").send().await?;
        message.error_for_status()?;
    }
    let took = began.elapsed();
    if found == workspaces {
        Ok(took)
    } else {
        Err(format!("the reads alone found {found} of {workspaces} workspaces").into())
    }
}

/// Answers whatever comes with 200 and counts it.
struct Hook {
    url: String,
    heard: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Hook {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let heard = Arc::new(AtomicUsize::new(0));
        let counted = heard.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut read = Vec::new();
                while !whole(&read) && stream.read_buf(&mut read).await.is_ok_and(|n| n > 0) {}
                counted.fetch_add(1, Ordering::Relaxed);
                // whoever asked may be gone; that is its right
                let _ = stream
                    .write_all(
                        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
                    )
                    .await;
            }
        });
        Ok(Self { url, heard, task })
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether a request has arrived with its whole body.
fn whole(read: &[u8]) -> bool {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    read.len() >= end + 4 + length
}
