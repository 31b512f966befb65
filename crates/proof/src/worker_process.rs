//! A worker as a child process: started, told which faults to commit, killed.
//!
//! Not for what it serves (see `child`).

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The variable that names the listener for faults; the same as in `durable::faults`.
const FAULTS: &str = "CTRL_WORKER_TEST_FAULTS";

/// A running worker. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub(crate) struct WorkerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
    faults: Option<SocketAddr>,
    _dir: TempDir,
}

impl WorkerProcess {
    /// Starts `program worker <config>` and returns when it serves.
    pub(crate) fn start(program: &Path, config: &str) -> std::io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("worker.toml");
        std::fs::write(&path, config)?;
        let log = testbed::process_dir().join("workers.log");
        std::fs::create_dir_all(testbed::process_dir())?;
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)?;
        let mut child = Command::new(program)
            .arg("worker")
            .arg(&path)
            .env(FAULTS, "127.0.0.1:0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| std::io::Error::other("no output"))?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line)
            .map_err(|e| std::io::Error::other(format!("the worker said {line:?}: {e}")))?;
        let address = |name: &str| said[name].as_str().and_then(|a| a.parse().ok());
        Ok(Self {
            child,
            address: address("address").ok_or_else(|| std::io::Error::other("no address"))?,
            faults: address("faults"),
            _dir: dir,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a line to its listener for faults; gives the lines before `ok`.
    pub(crate) fn tell(&self, line: &str) -> std::io::Result<Vec<String>> {
        let address = self
            .faults
            .ok_or_else(|| std::io::Error::other("built without the feature `faults`"))?;
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(format!("{line}\n").as_bytes())?;
        let mut answer = Vec::new();
        for line in BufReader::new(stream).lines() {
            match line? {
                line if line == "ok" => return Ok(answer),
                line if line.starts_with("error") => return Err(std::io::Error::other(line)),
                line => answer.push(line),
            }
        }
        Err(std::io::Error::other("the worker hung up"))
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        // It may have ended already, which is as good. On Unix this is SIGKILL.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}
