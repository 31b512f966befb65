//! The worker's process: started on a configuration file, its log kept, ended politely.
//!
//! Not for the configuration.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::beside::Beside;
use super::end::End;
use super::http;
use crate::run::{Because, Failure, Result};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running worker. Dropping it stops it.
pub(crate) struct Worker {
    process: Beside,
    log: PathBuf,
    told: Receiver<(String, String)>,
    /// Where it answers health questions; empty until it listens.
    pub(crate) health: String,
    /// Where it serves metrics; empty until it does.
    pub(crate) metrics: String,
}

impl Worker {
    /// Starts `worker serve`.
    pub(crate) fn start(program: &Path, config: &Path, log: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["serve", "--config"]).arg(config);
        command.env_remove("RUST_LOG").env_remove("UNKEY_LOG_LEVEL");
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = Beside::start(&mut command)?;
        let lines = process.child.stderr.take().expect("stderr is piped");
        Ok(Self {
            process,
            log: log.to_owned(),
            told: copy_log(lines, log)?,
            health: String::new(),
            metrics: String::new(),
        })
    }

    /// Waits until it says that it is ready: tables there, registered with Restate.
    pub(crate) fn ready(&mut self, end: &End) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            for (what, address) in self.told.try_iter() {
                match what.as_str() {
                    "listening" => self.health = address,
                    "metrics are served" => self.metrics = address,
                    _ => {}
                }
            }
            let asked = http::get(&self.health, "worker", "/health/ready");
            if asked.is_ok_and(|(status, _)| status == 200) {
                return Ok(());
            }
            if !self.runs() || Instant::now() > until {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                let last = last.join("\n");
                let text = format!("the worker is not ready; its log, newest line first:\n{last}");
                return Err(Failure(text));
            }
            end.pause(Duration::from_millis(50))?;
        }
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.runs()
    }
}

/// Copies log lines into a file and tells the addresses among them.
fn copy_log(
    lines: impl std::io::Read + Send + 'static,
    path: &Path,
) -> Result<Receiver<(String, String)>> {
    let mut file = std::fs::File::create(path).because(path.display())?;
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(lines)
            .lines()
            .map_while(std::result::Result::ok)
        {
            // a log that cannot be written is no reason to stop the worker
            let _ = writeln!(file, "{line}");
            let fields = serde_json::from_str::<Value>(&line).unwrap_or_default();
            let field = |name: &str| fields["fields"][name].as_str().map(str::to_owned);
            if let (Some(message), Some(address)) = (field("message"), field("address")) {
                // nobody asks any more once it is ready
                let _ = tell.send((message, address));
            }
        }
    });
    Ok(told)
}
