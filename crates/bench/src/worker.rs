//! The worker as a process: starting, waiting until it is ready, its memory and CPU time, its end.
//! Not for what it does.

use std::net::TcpListener;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

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
    ) -> Result<(Self, Duration)> {
        let dir = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // The sizes and times of production; only addresses differ.
        let config = format!(
            "cname_domain = \"cname.test\"\ndefault_domain = \"bench.test\"\n[database]\nprimary = \"{dsn}\"\n\
             [restate]\nlisten = \"127.0.0.1:{port}\"\nadmin_url = \"{admin_url}\"\ningress_url = \"{ingress_url}\"\n\
             register_as = \"http://127.0.0.1:{{port}}\"\n[observability.logging]\nformat = \"json\"\n"
        );
        let path = dir.path().join("worker.toml");
        std::fs::write(&path, config)?;
        let log = std::fs::File::create(dir.path().join("log"))?;
        let client = reqwest::Client::builder().build()?;
        let url = format!("http://127.0.0.1:{port}/health/ready");
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
            let answer = client.get(&url).send().await;
            let took = began.elapsed();
            if answer.is_ok_and(|a| a.status().is_success()) {
                let pid = child.id().ok_or("the worker ended")?;
                return Ok((Self { child, pid, dir }, took));
            }
            if took > PATIENCE || child.try_wait()?.is_some() {
                let log = std::fs::read_to_string(dir.path().join("log"))?;
                return Err(format!("the worker did not become ready:\n{log}").into());
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Warnings and errors in its log.
    pub(crate) fn complaints(&self) -> Result<Vec<String>> {
        let log = std::fs::read_to_string(self.dir.path().join("log"))?;
        Ok(log
            .lines()
            .filter(|l| l.contains("\"level\":\"WARN\"") || l.contains("\"level\":\"ERROR\""))
            .map(str::to_owned)
            .collect())
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
