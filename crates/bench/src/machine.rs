//! What the figures were measured on: machine, kernel, versions, commit. Not for figures.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::Result;
use crate::sql;
use crate::stack::Stack;
use crate::stats::Times;

/// Syncs tried on the disk.
const SYNCS: usize = 100;

/// Runnable tasks before anything was started, over one and five minutes.
pub(crate) fn load() -> Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    Ok(words.join(", "))
}

/// One line per fact: name and value.
pub(crate) async fn describe(
    stack: &Stack,
    load: &str,
    revision: &str,
) -> Result<Vec<(&'static str, String)>> {
    let processor = field("/proc/cpuinfo", "model name")?;
    let cores = std::thread::available_parallelism()?;
    let memory: u64 = field("/proc/meminfo", "MemTotal")?
        .trim_end_matches(" kB")
        .parse()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let version = sql::rows(&stack.db, "SELECT VERSION() AS v", vec![]).await?;
    let mariadb: String = version
        .first()
        .ok_or("the database did not say its version")?
        .try_get("", "v")?;
    let answer = reqwest::get(format!("{}/version", stack.admin_url)).await?;
    let answer: serde_json::Value = serde_json::from_str(&answer.text().await?)?;
    let restate = answer["version"].as_str().unwrap_or("unknown").to_owned();
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    Ok(vec![
        ("commit", format!("`{revision}` ({build} build)")),
        (
            "machine",
            format!(
                "{processor}, {cores} cores, {} GiB; servers, worker, edge and load generator share it",
                memory.div_ceil(1 << 20)
            ),
        ),
        ("kernel", format!("Linux {}", kernel.trim())),
        (
            "disk",
            format!("4 KiB appended and synced: {}", disk(stack)?),
        ),
        (
            "restate-server",
            format!("{restate}, one partition, every write synced"),
        ),
        (
            "MariaDB",
            format!("{mariadb}, every commit synced (`innodb_flush_log_at_trx_commit = 1`)"),
        ),
        ("load before the run", format!("{load} (1 and 5 minutes)")),
    ])
}

fn field(path: &str, name: &str) -> Result<String> {
    let text = std::fs::read_to_string(path)?;
    let value = text
        .lines()
        .find(|l| l.starts_with(name))
        .and_then(|l| l.split_once(':'))
        .map(|(_, value)| value.trim().to_owned());
    Ok(value.unwrap_or_else(|| "unknown".to_owned()))
}

/// What a synced write costs where the servers keep their data.
fn disk(stack: &Stack) -> Result<Times> {
    let mut file = tempfile::tempfile_in(&stack.dir)?;
    let mut times: Vec<Duration> = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(Times::of(times))
}

/// CPU seconds a process has used so far.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|word| word.parse::<u64>().ok())
        .sum();
    // USER_HZ is 100 on every architecture this runs on.
    Ok(ticks as f64 / 100.0)
}
