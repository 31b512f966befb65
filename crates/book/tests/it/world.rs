//! The world the blocks find: Restate, a database, an edge in two regions, a Vault, DNS, a certificate authority, and a
//! worker that serves; all real, started when a block first asks.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mysql::Db;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::Value;
use testbed::{ChallengeRows, Database, DnsData, Guarded, RecordSource, Spec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// The programs whose commands are run.
pub(crate) const PROGRAMS: [&str; 2] = ["ctl", "worker"];
const REGIONS: [&str; 2] = ["local-1", "local-2"];
const VAULT_TOKEN: &str = "of-the-book";
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that runs, for as long as this process does.
pub(crate) struct World {
    pub(crate) dir: PathBuf,
    /// The worker's configuration.
    pub(crate) config: String,
    pub(crate) db: Db,
    addresses: Vec<(String, String)>,
    /// Each ends with this process, the worker's folder with it.
    _worker: Guarded,
    _edge: edge_sim::Served,
    _vault: vault_dev::Server,
}

/// The world, started once.
pub(crate) async fn world() -> &'static World {
    static WORLD: OnceCell<World> = OnceCell::const_new();
    WORLD.get_or_init(start).await
}

/// A folder in which this program has the names of those it stands for.
pub(crate) fn programs() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let this = std::env::current_exe().expect("this program has a path");
        // beside it, for it stays the same from run to run
        let dir = this.with_extension("programs");
        std::fs::create_dir_all(&dir).expect("a folder for the programs");
        for name in PROGRAMS {
            let link = dir.join(name);
            // of an earlier build of this program
            let _gone = std::fs::remove_file(&link);
            symlink(&this, &link).expect("a name for this program");
        }
        dir
    })
}

async fn start() -> World {
    let restate = testbed::restate().await;
    // empty: `worker migrate` makes the tables
    let database = testbed::create_database("book").await;
    let vault = vault_dev::Options::in_memory(VAULT_TOKEN).expect("options");
    let vault = vault_dev::Server::start(vault)
        .await
        .expect("the Vault starts");
    testbed::http01()
        .await
        .also(Arc::new(ChallengeRows::of(&database.url)));
    let dir = testbed::server_dir("worker").expect("a folder for the worker");
    let config = config(&database, &vault.url()).await;
    let path = dir.join("worker.toml");
    std::fs::write(&path, &config).expect("a configuration");
    let program = programs().join("worker");
    let args = |verb: &str| {
        vec![
            verb.to_owned(),
            "--config".to_owned(),
            path.display().to_string(),
        ]
    };

    let migrated = Command::new(&program)
        .args(args("migrate"))
        .output()
        .await
        .expect("worker runs");
    assert!(migrated.status.success(), "{migrated:?}");
    let db = Db::connect(&mysql::Options::new(database.dsn.clone()))
        .await
        .expect("connects");
    testbed::dns().await.also(Arc::new(Published(db.clone())));
    let edge = edge_sim::serve(edge_sim::ServeOptions::new(&db, &REGIONS))
        .await
        .expect("the edge starts");

    let spec = Spec {
        program: &program,
        args: args("serve"),
        env: Vec::new(),
        dir: &dir,
        remove: true,
    };
    let (worker, mut log) = Guarded::start(spec).await.expect("the worker starts");
    let (mut health, mut metrics) = (None, None);
    while health.is_none() || metrics.is_none() {
        let line = tokio::time::timeout(PATIENCE, log.recv())
            .await
            .expect("the worker says where it listens");
        let line: Value =
            serde_json::from_str(&line.expect("the worker lives")).unwrap_or_default();
        let address = line["fields"]["address"]
            .as_str()
            .and_then(|a| a.parse::<SocketAddr>().ok());
        match line["fields"]["message"].as_str() {
            Some("listening") => health = address,
            Some("metrics are served") => metrics = address,
            _ => {}
        }
    }
    let (health, metrics) = (health.expect("found"), metrics.expect("found"));
    testbed::eventually(PATIENCE, || ready(health)).await;
    let addresses = [
        ("CTRL_DATABASE", database.dsn.clone()),
        ("CTRL_INGRESS", restate.ingress_url.clone()),
        ("CTRL_ADMIN", restate.admin_url.clone()),
        ("WORKER", format!("http://{health}")),
        ("METRICS", format!("http://{metrics}")),
        ("USER", "mo".to_owned()),
    ];
    let addresses = addresses
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
    World {
        dir,
        config,
        db,
        addresses,
        _worker: worker,
        _edge: edge,
        _vault: vault,
    }
}

async fn config(database: &Database, vault: &str) -> String {
    let (restate, pebble, dns) = (
        testbed::restate().await,
        testbed::pebble().await,
        testbed::dns().await,
    );
    let ca_file = pebble.dir().join("ca.pem");
    std::fs::write(&ca_file, pebble.ca_bundle()).expect("the authority's certificate");
    format!(
        "default_domain = \"book.test\"\ncname_domain = \"cname.book.test\"\n\
         [database]\nprimary = \"{}\"\n[vault]\nurl = \"{vault}\"\ntoken = \"{VAULT_TOKEN}\"\n\
         [restate]\nadmin_url = \"{}\"\ningress_url = \"{}\"\nlisten = \"127.0.0.1:0\"\n\
         register_as = \"http://127.0.0.1:{{port}}\"\n\
         [acme]\nenabled = true\ndirectory = \"{}\"\nca_file = \"{}\"\n[dns]\nservers = [\"{}\"]\n\
         [test_timings.domains]\ncheck_interval = \"500ms\"\n\
         [observability.logging]\nformat = \"json\"\n[observability.metrics]\nlisten = \"127.0.0.1:0\"\n",
        database.dsn,
        restate.admin_url,
        restate.ingress_url,
        pebble.directory,
        ca_file.display(),
        dns.addr(),
    )
}

async fn ready(at: SocketAddr) -> Result<(), String> {
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(at).await?;
        stream
            .write_all(b"GET /health/ready HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = ask.await.map_err(|e| e.to_string())?;
    if answer.contains(" 200 ") {
        Ok(())
    } else {
        Err(answer)
    }
}

impl World {
    /// What a block finds in its environment. The app is there, deployments are made for the page that names them.
    pub(crate) fn variables(
        &self,
        app: &str,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Vec<(String, String)> {
        let mut variables = self.addresses.clone();
        let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
        let (workspace, project) = app.split_once('/').expect("workspace/project");
        self.ctl(&["seed", "--workspace", workspace, "--project", project]);
        if wanted("FIRST") || wanted("SECOND") {
            set(
                "FIRST",
                self.deployed(&["registry.example.com/shop:1", "--app", app]),
            );
            set(
                "SECOND",
                self.deployed(&["registry.example.com/shop:2", "--app", app]),
            );
        }
        if wanted("UNFINISHED") {
            // a region without an edge
            self.ctl(&[
                "seed",
                "--workspace",
                workspace,
                "--project",
                "slow",
                "--region",
                "nowhere-1",
            ]);
            let app = format!("{workspace}/slow");
            set(
                "UNFINISHED",
                self.deployed(&["registry.example.com/slow:1", "--app", &app, "--no-wait"]),
            );
        }
        variables
    }

    /// The environment of a block, and nothing of ours besides.
    pub(crate) fn environment(command: &mut Command, variables: &[(String, String)]) {
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", programs().display()));
        command.envs(variables.iter().map(|(name, value)| (name, value)));
    }

    fn deployed(&self, words: &[&str]) -> String {
        let told = self.ctl(&[&["deploy"], words].concat());
        let first: Value = told
            .lines()
            .next()
            .and_then(|line| serde_json::from_str(line).ok())
            .unwrap_or_default();
        first["deployment_id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {told}"))
            .to_owned()
    }

    fn ctl(&self, words: &[&str]) -> String {
        let mut ctl = std::process::Command::new(programs().join("ctl"));
        ctl.arg("--json")
            .args(words)
            .envs(self.addresses.iter().map(|(name, value)| (name, value)));
        let output = ctl.output().expect("ctl runs");
        assert!(output.status.success(), "ctl {words:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }
}

/// The records every owner of a domain publishes at once: its CNAME, which leads here.
struct Published(Db);

#[async_trait::async_trait]
impl RecordSource for Published {
    async fn records(&self, name: &str) -> Result<Option<Vec<DnsData>>, String> {
        let sql =
            "SELECT domain, target_cname FROM custom_domains WHERE domain = ? OR target_cname = ?";
        let statement =
            Statement::from_sql_and_values(DbBackend::MySql, sql, [name.into(), name.into()]);
        let row = self
            .0
            .primary()
            .query_one_raw(statement)
            .await
            .map_err(|e| e.to_string())?;
        let Some(row) = row else { return Ok(None) };
        let target: String = row.try_get("", "target_cname").map_err(|e| e.to_string())?;
        Ok(Some(vec![if target == name {
            DnsData::A([127, 0, 0, 1].into())
        } else {
            DnsData::Cname(target)
        }]))
    }
}
