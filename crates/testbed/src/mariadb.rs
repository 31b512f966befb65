//! A real MariaDB server of our own, with the collation that gives the product's case rules.
//!
//! Not for schemas: `database` makes databases, crate `mysql` fills them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use tokio::io::AsyncWriteExt as _;

use crate::files::{create, find_program, remove, server_dir};
use crate::guard::{Guarded, Spec};
use crate::{PORT_TRIES, StartError, free_port};

/// The login of every server started here; it may do everything.
pub const USER: &str = "ctrl";
/// Its password: not a secret, the server listens on loopback only.
pub const PASSWORD: &str = "ctrl";
pub(crate) const COLLATION: &str = "utf8mb4_uca1400_nopad_ai_ci";

const READY_WITHIN: Duration = Duration::from_secs(60);

/// How to start a server. The default suits tests.
#[derive(Debug, Clone)]
pub struct MariaDbOptions {
    /// `innodb_flush_log_at_trx_commit`: 1 syncs each commit to disk, 2 survives a killed process.
    pub flush_log_at_trx_commit: u8,
    /// Folder to use, with whatever data it holds; a fresh one by default.
    pub dir: Option<PathBuf>,
    /// Further arguments.
    pub args: Vec<String>,
}

impl Default for MariaDbOptions {
    fn default() -> Self {
        Self {
            flush_log_at_trx_commit: 2,
            dir: None,
            args: Vec::new(),
        }
    }
}

/// A server. Dropping it ends the process and removes its folder.
#[derive(Debug)]
pub struct MariaDb {
    addr: SocketAddr,
    options: MariaDbOptions,
    dir: PathBuf,
    process: Option<Guarded>,
}

impl MariaDb {
    /// Creates the system tables if the folder is fresh, starts the server, waits for a login.
    pub async fn start(options: MariaDbOptions) -> Result<Self, StartError> {
        let dir = match &options.dir {
            Some(dir) => dir.clone(),
            None => server_dir("mariadb")?,
        };
        create(&dir.join("tmp"))?;
        if !dir.join("data/mysql").is_dir() {
            bootstrap(&dir).await?;
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let addr = free_port()?;
            let process = launch(&options, &dir, addr).await?;
            let mut server = Self {
                addr,
                options: options.clone(),
                dir: dir.clone(),
                process: Some(process),
            };
            match server.ready().await {
                Ok(()) => return Ok(server),
                Err(StartError::Died(_)) if tries < PORT_TRIES => server.keep_dir(),
                Err(e) => return Err(e),
            }
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `mysql://user:password@host:port`, without a database.
    pub fn url(&self) -> String {
        url_of(self.addr)
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

    /// Starts it again on the same data and the same port.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.stop().await;
        self.process = Some(launch(&self.options, &self.dir, self.addr).await?);
        self.ready().await
    }

    async fn end(&mut self, signal: &str) {
        if let Some(process) = self.process.take() {
            process.end(signal).await;
        }
    }

    /// Lets go of a dead process without losing the folder.
    fn keep_dir(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal("leave");
        }
        self.options.dir = Some(self.dir.clone());
    }

    async fn ready(&self) -> Result<(), StartError> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            let last = match login(&self.url(), &self.dir).await {
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
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        if self.process.take().is_none() && self.options.dir.is_none() {
            remove(&self.dir);
        }
    }
}

pub(crate) fn url_of(addr: SocketAddr) -> String {
    format!("mysql://{USER}:{PASSWORD}@{addr}")
}

fn program() -> Result<PathBuf, StartError> {
    let places = [
        "/usr/local/sbin/mariadbd",
        "/usr/libexec/mariadbd",
        "/usr/sbin/mariadbd",
    ];
    find_program("mariadbd", "MARIADBD", &places.map(PathBuf::from))
}

/// Logs in and makes sure that it is our server and not another that took the port.
async fn login(url: &str, dir: &Path) -> Result<(), String> {
    let mut connection = tokio::time::timeout(
        Duration::from_secs(5),
        sqlx::MySqlConnection::connect(&format!("{url}/mysql")),
    )
    .await
    .map_err(|_| "the login took more than 5 s".to_owned())?
    .map_err(|e| e.to_string())?;
    let datadir: String = sqlx::query_scalar("SELECT @@datadir")
        .fetch_one(&mut connection)
        .await
        .map_err(|e| e.to_string())?;
    if Path::new(&datadir) == dir.join("data") {
        return Ok(());
    }
    Err(format!("another server answered, its data is in {datadir}"))
}

fn common_args(dir: &Path) -> Vec<String> {
    vec![
        "--no-defaults".to_owned(),
        // only matters to root, who must say that root is meant
        "--user=root".to_owned(),
        format!("--datadir={}", dir.join("data").display()),
        format!("--tmpdir={}", dir.join("tmp").display()),
        "--innodb-log-file-size=16M".to_owned(),
    ]
}

async fn launch(
    options: &MariaDbOptions,
    dir: &Path,
    addr: SocketAddr,
) -> Result<Guarded, StartError> {
    let mut args = common_args(dir);
    args.extend([
        format!("--bind-address={}", addr.ip()),
        format!("--port={}", addr.port()),
        // relative to the data folder: the full path may be longer than a socket name can be
        "--socket=mysql.sock".to_owned(),
        "--pid-file=mysql.pid".to_owned(),
        "--skip-name-resolve".to_owned(),
        "--character-set-server=utf8mb4".to_owned(),
        format!("--collation-server={COLLATION}"),
        "--max-connections=500".to_owned(),
        "--innodb-buffer-pool-size=128M".to_owned(),
        format!(
            "--innodb-flush-log-at-trx-commit={}",
            options.flush_log_at_trx_commit
        ),
    ]);
    args.extend(options.args.iter().cloned());
    let program = program()?;
    let remove = options.dir.is_none();
    let spec = Spec {
        program: &program,
        args,
        env: Vec::new(),
        dir,
        remove,
    };
    let (process, _) = Guarded::start(spec).await?;
    Ok(process)
}

/// Makes the system tables from the SQL that comes with the server, and our login. The script
/// `mariadb-install-db` would do the same, but is not in every package that holds the server.
async fn bootstrap(dir: &Path) -> Result<(), StartError> {
    create(&dir.join("data"))?;
    let files = |what: &str| {
        let what = what.to_owned();
        move |source| StartError::Files { what, source }
    };
    let mut script = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n".to_owned();
    for name in [
        "mysql_system_tables.sql",
        "mysql_performance_tables.sql",
        "mysql_system_tables_data.sql",
    ] {
        let places = [
            format!("/usr/local/share/mysql/{name}"),
            format!("/usr/share/mysql/{name}"),
        ];
        let path = find_program("MariaDB's system tables", "", &places.map(PathBuf::from))?;
        script += &std::fs::read_to_string(&path).map_err(files("read MariaDB's system tables"))?;
        script.push('\n');
    }
    script += &format!(
        "FLUSH PRIVILEGES;\nCREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n"
    );
    let log = dir.join("log");
    let output = std::fs::File::create(&log).map_err(files("create the server's log"))?;
    let errors = output
        .try_clone()
        .map_err(files("create the server's log"))?;
    let program = program()?;
    let mut child = tokio::process::Command::new(&program)
        .args(common_args(dir))
        .args([
            "--bootstrap",
            "--skip-networking",
            "--innodb-flush-log-at-trx-commit=0",
        ])
        .stdin(std::process::Stdio::piped())
        .stdout(output)
        .stderr(errors)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| StartError::Spawn { program, source })?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // a server that dies early closes the pipe; its log says more than our write error
    let _ = stdin.write_all(script.as_bytes()).await;
    drop(stdin);
    let status = child
        .wait()
        .await
        .map_err(files("wait for MariaDB's bootstrap"))?;
    if status.success() {
        Ok(())
    } else {
        Err(StartError::Died(log))
    }
}
