//! The worker as a process of its own, with its log lines and its answers.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything here may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running worker. Dropping it kills it.
pub(crate) struct Worker {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    /// Ends with the worker's stderr.
    reader: Option<JoinHandle<()>>,
    dir: TempDir,
}

/// A configuration that listens on a free loopback port, with further lines for `[restate]` and further sections.
pub(crate) fn config(dsn: &str, restate: &str, sections: &str) -> String {
    format!(
        "cname_domain = \"cname.test\"\n[database]\nprimary = \"{dsn}\"\n\
         [restate]\nlisten = \"127.0.0.1:0\"\n{restate}\n[observability.logging]\nformat = \"json\"\n{sections}\n"
    )
}

/// Lines for `[restate]` that lead to nothing.
pub(crate) const NO_RESTATE: &str =
    "admin_url = \"http://127.0.0.1:9\"\ningress_url = \"http://127.0.0.1:9\"";

/// A database address nobody answers at.
pub(crate) const NO_DATABASE: &str = "u:p@tcp(127.0.0.1:9)/none";

impl Worker {
    /// Starts the binary on this configuration text.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_with(config, &[])
    }

    /// The same, with further environment variables.
    pub(crate) fn start_with(config: &str, env: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("worker.toml");
        std::fs::write(&path, config).expect("the configuration is written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .arg("--config")
            .arg(&path)
            .env_remove("RUST_LOG")
            .env_remove("UNKEY_LOG_LEVEL")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let stderr = child.stderr.take().expect("stderr is a pipe");
        let sink = log.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                sink.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        Self {
            child,
            log,
            reader: Some(reader),
            dir,
        }
    }

    /// Where it was told to keep its files; only the configuration is there.
    pub(crate) fn config_path(&self) -> std::path::PathBuf {
        self.dir.path().join("worker.toml")
    }

    /// All log lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for a log line with this message and gives its fields.
    pub(crate) async fn logged(&self, message: &str) -> Value {
        testbed::eventually(PATIENCE, || async {
            let found = self.lines().iter().find_map(|line| {
                let mut line: Value = serde_json::from_str(line).ok()?;
                (line["fields"]["message"] == message).then(|| line["fields"].take())
            });
            found.ok_or_else(|| self.lines())
        })
        .await
    }

    /// Where the health routes and the endpoint are.
    pub(crate) async fn address(&self) -> SocketAddr {
        parse(&self.logged("listening").await["address"])
    }

    /// Where `/metrics` is.
    pub(crate) async fn metrics_address(&self) -> SocketAddr {
        parse(&self.logged("metrics are served").await["address"])
    }

    /// Asks for a path; the body as JSON, or as a text where it is none.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.address().await);
        let response = reqwest::get(url).await.expect("the worker answers");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&self) {
        testbed::eventually(PATIENCE, || async {
            match self.get("/health/ready").await {
                (200, _) => Ok(()),
                other => Err((other, self.lines())),
            }
        })
        .await;
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("the process can be asked")
            .is_none()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for its end and for its last log line.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be asked") {
                if let Some(reader) = self.reader.take() {
                    tokio::task::spawn_blocking(|| reader.join())
                        .await
                        .expect("joined")
                        .expect("its log was read to the end");
                }
                return status;
            }
            assert!(Instant::now() < until, "still running: {:#?}", self.lines());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn parse(value: &Value) -> SocketAddr {
    value
        .as_str()
        .and_then(|a| a.parse().ok())
        .expect("an address")
}
