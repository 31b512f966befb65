//! The servers: the testbed's program `stack` beside us, with every write synced, a migrated database, and the
//! worker's configuration for them. Not for the worker's process itself: see `worker`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use mysql::{Db, Options};
use restate_api::{Admin, Ingress};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::Result;
use crate::worker::Worker;

/// Connections of the bench for rows and edge agents.
const CONNECTIONS: u32 = 40;

/// Running servers.
pub(crate) struct Stack {
    child: Child,
    input: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    said: Value,
    worker: PathBuf,
    dsn: String,
    /// Where the servers keep their data.
    pub(crate) dir: PathBuf,
    /// Where Restate's admin API is.
    pub(crate) admin_url: String,
    /// Where its ingress is.
    pub(crate) ingress_url: String,
    /// Process ids by name, for CPU times.
    pub(crate) pids: Vec<(&'static str, u32)>,
    /// The database.
    pub(crate) db: Db,
    pub(crate) ingress: Ingress,
    pub(crate) admin: Admin,
}

impl Stack {
    /// Starts the servers with syncing on, and creates the tables.
    pub(crate) async fn start(stack: &Path, worker: &Path) -> Result<Self> {
        let mut child = Command::new(stack)
            .args(["--sync", "--vault", "--dns", "--acme", "--renewal-info"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{}: {e}", stack.display()))?;
        let input = child.stdin.take().ok_or("stack has no input")?;
        let output = child.stdout.take().ok_or("stack has no output")?;
        let mut answers = BufReader::new(output).lines();
        let line = answers
            .next_line()
            .await?
            .ok_or("stack ended before it said where its servers are")?;
        let said: Value = serde_json::from_str(&line)?;
        let text = |part: &str, name: &str| text(&said, part, name);
        let pid = |part: &str| {
            said[part]["pid"]
                .as_u64()
                .and_then(|pid| u32::try_from(pid).ok())
        };
        let pids = [("Restate", pid("restate")), ("MariaDB", pid("mysql"))];
        let dsn = text("mysql", "dsn")?;
        let options = Options {
            max_connections: CONNECTIONS,
            ..Options::new(dsn.clone())
        };
        mysql::migrate::run(&options).await?;
        let (admin_url, ingress_url) = (text("restate", "admin")?, text("restate", "ingress")?);
        Ok(Self {
            child,
            input,
            answers,
            worker: worker.to_owned(),
            dir: text("", "dir")?.into(),
            db: Db::connect(&options).await?,
            dsn,
            ingress: Ingress::new(&ingress_url, None)?,
            admin: Admin::new(&admin_url, None)?,
            admin_url,
            ingress_url,
            pids: pids
                .into_iter()
                .filter_map(|(name, pid)| Some((name, pid?)))
                .collect(),
            said,
        })
    }

    /// An address or a file of one of the servers, such as `acme`, `directory`.
    pub(crate) fn of(&self, part: &str, name: &str) -> Result<String> {
        text(&self.said, part, name)
    }

    /// Gives the servers commands, one after the other, as the program `stack` knows them.
    pub(crate) async fn tell(&mut self, commands: &[String]) -> Result<()> {
        for command in commands {
            self.input
                .write_all(format!("{command}\n").as_bytes())
                .await?;
            let answer = self.answers.next_line().await?.ok_or("stack ended")?;
            if !answer.contains("\"done\"") {
                return Err(format!("{command}: {answer}").into());
            }
        }
        Ok(())
    }

    /// One more connection, which waits for nobody.
    pub(crate) async fn own_connection(&self) -> Result<Db> {
        let options = Options {
            max_connections: 1,
            ..Options::new(self.dsn.clone())
        };
        Ok(Db::connect(&options).await?)
    }

    /// Starts a worker and waits until it is ready.
    pub(crate) async fn worker(&self) -> Result<Worker> {
        Ok(self.timed_worker().await?.0)
    }

    /// The same, with the time from its start until it was ready.
    pub(crate) async fn timed_worker(&self) -> Result<(Worker, std::time::Duration)> {
        self.start_worker("").await
    }

    /// Starts a worker with further sections in its configuration and waits until it is ready.
    pub(crate) async fn worker_with(&self, sections: &str) -> Result<Worker> {
        Ok(self.start_worker(sections).await?.0)
    }

    async fn start_worker(&self, sections: &str) -> Result<(Worker, std::time::Duration)> {
        Worker::start(
            &self.worker,
            &self.dsn,
            &self.admin_url,
            &self.ingress_url,
            sections,
        )
        .await
    }

    /// Whether commits of the database reach the disk before they are answered. Off while rows are prepared.
    pub(crate) async fn sync_commits(&self, sync: bool) -> Result<()> {
        let value = if sync { 1 } else { 2 };
        crate::sql::execute(
            &self.db,
            &format!("SET GLOBAL innodb_flush_log_at_trx_commit = {value}"),
        )
        .await
    }

    /// Ends the servers and waits.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.input);
        let status = self.child.wait().await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("stack: {status}").into())
        }
    }
}

fn text(said: &Value, part: &str, name: &str) -> Result<String> {
    let value = match part.is_empty() {
        true => &said[name],
        false => &said[part][name],
    };
    let text = value.as_str();
    Ok(text
        .ok_or_else(|| format!("stack did not say {part}.{name}"))?
        .to_owned())
}
