//! The worker as a process: starting, waiting until it is ready, its memory and CPU time, its end.
//! Not for what it does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Result;

/// A start that takes longer than this is broken.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two questions whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// A running worker; dropping it kills it.
pub(crate) struct Worker {
    child: Child,
    pid: u32,
    dir: TempDir,
}

/// Resident memory in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) now: u64,
    /// At most so far.
    pub(crate) peak: u64,
}

impl Worker {
    /// Starts it; gives the time from before the start of the process until `/health/ready` said yes.
    pub(crate) async fn start(
        program: &Path,
        dsn: &str,
        admin_url: &str,
        ingress_url: &str,
        sections: &str,
    ) -> Result<(Self, Duration)> {
        let dir = tempfile::tempdir()?;
        // The sizes and times of production; only addresses differ.
        let config = format!(
            "cname_domain = \"cname.test\"\ndefault_domain = \"bench.test\"\n[database]\nprimary = \"{dsn}\"\n\
             [restate]\nlisten = \"127.0.0.1:0\"\nadmin_url = \"{admin_url}\"\ningress_url = \"{ingress_url}\"\n\
             register_as = \"http://127.0.0.1:{{port}}\"\n[observability.logging]\nformat = \"json\"\n{sections}"
        );
        let path = dir.path().join("worker.toml");
        std::fs::write(&path, config)?;
        let log = std::fs::File::create(dir.path().join("log"))?;
        let client = reqwest::Client::builder().build()?;
        let began = Instant::now();
        let mut child = Command::new(program)
            .arg("--config")
            .arg(&path)
            .env_remove("RUST_LOG")
            .env_remove("UNKEY_LOG_LEVEL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        loop {
            let log = std::fs::read_to_string(dir.path().join("log"))?;
            let ready = match address(&log) {
                None => false,
                Some(address) => {
                    let asked = client.get(format!("http://{address}/health/ready"));
                    asked.send().await.is_ok_and(|a| a.status().is_success())
                }
            };
            let took = began.elapsed();
            if ready {
                let pid = child.id().ok_or("the worker ended")?;
                return Ok((Self { child, pid, dir }, took));
            }
            if took > PATIENCE || child.try_wait()?.is_some() {
                return Err(format!("the worker did not become ready:\n{log}").into());
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Warnings and errors in its log by what they say, the most frequent first.
    pub(crate) fn complaints(&self) -> Result<Vec<(String, usize)>> {
        let log = std::fs::read_to_string(self.dir.path().join("log"))?;
        let mut counts = BTreeMap::<String, usize>::new();
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            if matches!(line["level"].as_str(), Some("WARN" | "ERROR")) {
                *counts.entry(kind(&line["fields"])).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Ok(counts)
    }

    /// Its resident memory, as the kernel counts it.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|l| l.strip_prefix(name));
            let word = line.and_then(|l| l.split_whitespace().next());
            Ok(word
                .ok_or_else(|| format!("no {name} of the worker"))?
                .parse()?)
        };
        Ok(Memory {
            now: field("VmRSS:")?,
            peak: field("VmHWM:")?,
        })
    }

    /// Asks it to stop and waits.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let told = Command::new("kill")
            .args(["-TERM", &self.pid.to_string()])
            .status()
            .await?;
        let status: ExitStatus = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        if told.success() && status.success() {
            Ok(())
        } else {
            Err(format!("the worker ended with {status}").into())
        }
    }
}

/// What a log line is about: its message, the step, and the beginning of the error without what differs each time.
fn kind(fields: &Value) -> String {
    let words = ["message", "step", "error"]
        .iter()
        .filter_map(|name| fields[*name].as_str());
    let text = words.collect::<Vec<_>>().join(": ");
    let text = text.replace("Execution Error: error returned from database: ", "");
    text.chars().filter(|c| *c != '|').take(120).collect()
}

/// Where it says that it listens.
fn address(log: &str) -> Option<String> {
    let mut lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.find(|line| line["fields"]["message"] == "listening")?;
    Some(line["fields"]["address"].as_str()?.to_owned())
}
