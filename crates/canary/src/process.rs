//! The worker's process: this very program, handed over to the worker's own command line, with its log in a file.
//!
//! Not for its configuration: see `world`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::plants;

/// How long anything here may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running worker. Dropping it kills it.
pub(crate) struct Worker {
    child: Child,
    log: PathBuf,
    dir: tempfile::TempDir,
}

impl Worker {
    /// Serves this configuration; with a seed, plants from within.
    pub(crate) fn start(config: &str, seed: Option<&str>) -> std::io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let log = dir.path().join("log");
        let mut command = program(dir.path(), config, &["serve"])?;
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(std::fs::File::create(&log)?);
        if let Some(seed) = seed {
            command.env(plants::VARIABLE, seed);
            command.env(plants::ADDRESS, dir.path().join("plants"));
        }
        Ok(Self {
            child: command.spawn()?,
            log,
            dir,
        })
    }

    /// Everything it has said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where it serves the plants.
    pub(crate) async fn plants(&self) -> String {
        let file = self.dir.path().join("plants");
        let read = || async {
            std::fs::read_to_string(&file)
                .ok()
                .filter(|url| !url.is_empty())
        };
        testbed::eventually(PATIENCE, read).await
    }

    /// The address in the log line with this message.
    pub(crate) async fn address(&self, message: &str) -> String {
        let told = || async {
            let log = self.log();
            let found = log.lines().find_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                let fields = &line["fields"];
                (fields["message"] == message)
                    .then(|| fields["address"].as_str().map(str::to_owned))?
            });
            found.ok_or(log)
        };
        testbed::eventually(PATIENCE, told).await
    }

    /// The body it answers with, whatever the status.
    pub(crate) async fn get(&self, message: &str, path: &str) -> Result<String, String> {
        let url = format!("http://{}{path}", self.address(message).await);
        let answer = reqwest::get(url).await.map_err(|e| e.to_string())?;
        answer.text().await.map_err(|e| e.to_string())
    }

    /// Asks it to stop, and waits.
    pub(crate) async fn stop(&mut self) {
        let pid = self.child.id().to_string();
        // one that has ended already is as good
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        for _ in 0..200 {
            if self.child.try_wait().is_ok_and(|s| s.is_some()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `check-config` says of a configuration: output and errors.
pub(crate) fn check_config(config: &str) -> Result<Vec<u8>, String> {
    let run = || {
        let dir = tempfile::tempdir()?;
        program(dir.path(), config, &["check-config"])?.output()
    };
    let output = run().map_err(|e: std::io::Error| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok([output.stdout, output.stderr].concat())
}

fn program(dir: &Path, config: &str, verb: &[&str]) -> std::io::Result<Command> {
    let file = dir.join("worker.toml");
    std::fs::write(&file, config)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("worker").args(verb).arg("--config").arg(file);
    command
        .env_remove("RUST_LOG")
        .env("UNKEY_LOG_LEVEL", "debug");
    Ok(command)
}
