//! The worker as a child process at a fixed address, killed and started again.
//!
//! Not for its configuration: see `world`.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Error;

/// How long it may take to listen on a busy machine.
const LISTENS_WITHIN: Duration = Duration::from_secs(60);

/// A worker process. Dropped, it is killed.
pub(crate) struct Worker {
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Worker {
    /// Starts `program worker --config …`, which must listen on `address`.
    pub(crate) async fn start(
        program: PathBuf,
        config: PathBuf,
        log: PathBuf,
        address: SocketAddr,
    ) -> Result<Self, Error> {
        let mut worker = Self {
            program,
            config,
            log,
            address,
            child: None,
        };
        worker.launch().await?;
        Ok(worker)
    }

    /// Starts a process and waits until it listens. Its standard input is ours: it ends when we do.
    pub(crate) async fn launch(&mut self) -> Result<(), Error> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |source| Error::Io { what, source }
        };
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(failed("open the worker's log"))?;
        let child = Command::new(&self.program)
            .arg("worker")
            .arg("--config")
            .arg(&self.config)
            .env("RUST_LOG", "info")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(failed("start the worker"))?;
        self.child = Some(child);
        let until = Instant::now() + LISTENS_WITHIN;
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            if !self.runs() || Instant::now() > until {
                return Err(Error::Worker(self.log.clone()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// SIGKILL, and its end is awaited.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already, which `runs` tells apart.
            let _killed = child.kill();
            let _reaped = child.wait();
        }
    }

    /// Whether the process lives.
    pub(crate) fn runs(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|c| matches!(c.try_wait(), Ok(None)))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}
