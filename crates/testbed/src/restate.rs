//! A real Restate server of our own: random loopback ports, one partition, a private folder.
//!
//! Not for talking to it: `testbed::ingress()` and `testbed::admin()` give clients.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use restate_api::{Admin, Ingress};

use crate::files::{create, find_program, remove, repository, server_dir};
use crate::guard::{Guarded, Spec};
use crate::{PORT_TRIES, StartError, free_port, ready};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// How to start a server. The default suits tests: nothing survives a power cut.
#[derive(Debug, Clone)]
pub struct RestateOptions {
    /// Whether each journal write reaches the disk before it is answered.
    pub sync_each_write: bool,
    /// Number of partitions; more than one spreads hot load over cores.
    pub partitions: u16,
    /// Whether the admin port also serves the web page.
    pub web_ui: bool,
    /// Folder to use, with whatever data it holds; a fresh one by default.
    pub dir: Option<PathBuf>,
    /// Further settings, `RESTATE_…`.
    pub env: Vec<(String, String)>,
}

impl Default for RestateOptions {
    fn default() -> Self {
        Self {
            sync_each_write: false,
            partitions: 1,
            web_ui: false,
            dir: None,
            env: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    fabric: u16,
    ingress: u16,
    admin: u16,
}

impl Ports {
    fn free() -> Result<Self, StartError> {
        Ok(Self {
            fabric: free_port()?.port(),
            ingress: free_port()?.port(),
            admin: free_port()?.port(),
        })
    }
}

/// A server. Dropping it ends the process and removes its folder.
#[derive(Debug)]
pub struct Restate {
    /// Where calls go, `http://127.0.0.1:…`.
    pub ingress_url: String,
    /// Where registration and queries go.
    pub admin_url: String,
    options: RestateOptions,
    dir: PathBuf,
    ports: Ports,
    process: Option<Guarded>,
}

impl Restate {
    /// Starts a server and returns when it has answered a call.
    pub async fn start(options: RestateOptions) -> Result<Self, StartError> {
        let dir = match &options.dir {
            Some(dir) => dir.clone(),
            None => server_dir("restate")?,
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let ports = Ports::free()?;
            let mut server = Self {
                ingress_url: format!("http://127.0.0.1:{}", ports.ingress),
                admin_url: format!("http://127.0.0.1:{}", ports.admin),
                options: options.clone(),
                dir: dir.clone(),
                ports,
                process: Some(launch(&options, &dir, ports).await?),
            };
            match server.ready().await {
                Ok(()) => return Ok(server),
                Err(StartError::Died(_)) if tries < PORT_TRIES => server.keep_dir(),
                Err(e) => return Err(e),
            }
        }
    }

    /// Client of its ingress.
    pub fn ingress(&self) -> Ingress {
        Ingress::new(&self.ingress_url, None).expect("a loopback address is a URL")
    }

    /// Client of its admin API.
    pub fn admin(&self) -> Admin {
        Admin::new(&self.admin_url, None).expect("a loopback address is a URL")
    }

    /// Process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process
            .as_ref()
            .filter(|p| p.is_running())
            .map(Guarded::pid)
    }

    /// Its folder: `log`, `data`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Asks it to stop and waits. The data stays.
    pub async fn stop(&mut self) {
        self.end("TERM").await;
    }

    /// Kills it. The data stays.
    pub async fn kill(&mut self) {
        self.end("KILL").await;
    }

    /// Freezes the process (`true`) or lets it go on (`false`).
    pub fn freeze(&mut self, frozen: bool) {
        if let Some(process) = &mut self.process {
            process.signal(if frozen { "STOP" } else { "CONT" });
        }
    }

    /// Starts it again on the same data and the same ports.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.stop().await;
        self.process = Some(launch(&self.options, &self.dir, self.ports).await?);
        self.ready().await
    }

    /// Lets go of a dead process without losing the folder.
    fn keep_dir(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal("leave");
        }
        self.options.dir = Some(self.dir.clone());
    }

    async fn end(&mut self, signal: &str) {
        if let Some(process) = self.process.take() {
            process.end(signal).await;
        }
    }

    async fn ready(&self) -> Result<(), StartError> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            let last = match ready::one_call(&self.admin(), &self.ingress()).await {
                Ok(()) => return Ok(()),
                Err(last) => last,
            };
            let log = self.dir.join("log");
            if self.pid().is_none() {
                return Err(StartError::Died(log));
            }
            if Instant::now() > until {
                return Err(StartError::NotReady { log, last });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Restate {
    fn drop(&mut self) {
        if self.process.take().is_none() && self.options.dir.is_none() {
            remove(&self.dir);
        }
    }
}

/// The installed server program.
pub(crate) fn program() -> Result<PathBuf, StartError> {
    let arch = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x64"
    };
    let place = repository().join(format!(
        ".stack/node_modules/@restatedev/restate-server-linux-{arch}/bin/restate-server"
    ));
    find_program("restate-server", "RESTATE_SERVER", &[place])
}

async fn launch(options: &RestateOptions, dir: &Path, ports: Ports) -> Result<Guarded, StartError> {
    let (data, temp) = (dir.join("data"), dir.join("tmp"));
    create(&data)?;
    create(&temp)?;
    let mut env: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| env.push((name.to_owned(), value.to_owned()));
    // the server leaves folders in the temporary directory, and reads HOME
    set("HOME", &temp.to_string_lossy());
    set("TMPDIR", &temp.to_string_lossy());
    set("RESTATE_BASE_DIR", &data.to_string_lossy());
    set("RESTATE_CLUSTER_NAME", "testbed");
    set("RESTATE_NODE_NAME", "testbed");
    set("RESTATE_LISTEN_MODE", "tcp");
    set("RESTATE_BIND_IP", "127.0.0.1");
    set(
        "RESTATE_DEFAULT_NUM_PARTITIONS",
        &options.partitions.to_string(),
    );
    set("RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE", "64MB");
    set(
        "RESTATE_ADMIN__DISABLE_WEB_UI",
        if options.web_ui { "false" } else { "true" },
    );
    set("RESTATE_DISABLE_TELEMETRY", "true");
    set("DO_NOT_TRACK", "1");
    set("RESTATE_LOG_FORMAT", "json");
    set("RUST_LOG", "warn,octocrab=off");
    if !options.sync_each_write {
        set("RESTATE_BIFROST__LOCAL__ROCKSDB_DISABLE_WAL_FSYNC", "true");
        set("RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL_FSYNC", "true");
    }
    set("RESTATE_BIND_PORT", &ports.fabric.to_string());
    set(
        "RESTATE_ADVERTISED_ADDRESS",
        &format!("http://127.0.0.1:{}", ports.fabric),
    );
    set(
        "RESTATE_INGRESS__BIND_ADDRESS",
        &format!("127.0.0.1:{}", ports.ingress),
    );
    set(
        "RESTATE_ADMIN__BIND_ADDRESS",
        &format!("127.0.0.1:{}", ports.admin),
    );
    env.extend(options.env.iter().cloned());
    let program = program()?;
    let args = vec!["--no-logo".to_owned()];
    let remove = options.dir.is_none();
    let (process, _) = Guarded::start(Spec {
        program: &program,
        args,
        env,
        dir,
        remove,
    })
    .await?;
    Ok(process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_whose_port_is_taken_has_died_so_that_others_are_tried() {
        crate::run(async {
            let dir = server_dir("restate").expect("a folder");
            let ports = Ports::free().expect("ports");
            let at = ("127.0.0.1", ports.ingress);
            let _taken = std::net::TcpListener::bind(at).expect("it was free");
            let options = RestateOptions::default();
            let process = launch(&options, &dir, ports).await.expect("launched");
            let server = Restate {
                ingress_url: format!("http://127.0.0.1:{}", ports.ingress),
                admin_url: format!("http://127.0.0.1:{}", ports.admin),
                options,
                dir,
                ports,
                process: Some(process),
            };
            let ended = server.ready().await;
            assert!(matches!(ended, Err(StartError::Died(_))), "{ended:?}");
        });
    }
}
