//! What runs during the demo: the stack, the worker, and `ctl` for a moment at a time.
//!
//! Everything ends with this value; should this process be killed, the stack ends with its input
//! and a small shell ends the worker. Not for what is done with it: see `story`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Break;
use super::command;
use super::end::End;
use super::worker::Worker;
use crate::run::{Because, Failure, Result};
use crate::stack::Stack;

/// Both of the demo's regions.
pub(crate) const REGIONS: [&str; 2] = ["local-1", "local-2"];
/// Below it every name leads to this machine, also in browsers.
pub(crate) const DOMAIN: &str = "demo.localhost";
/// Until a simulated instance runs: long enough to see it happen.
const INSTANCES_AFTER: &str = "800";

/// Everything that runs.
pub(crate) struct World {
    bin: PathBuf,
    dir: PathBuf,
    begin: Instant,
    pub(crate) worker: Option<Worker>,
    pub(crate) stack: Option<Stack>,
    clickhouse: Option<Stack>,
    builds: Option<Stack>,
    /// Why nothing is built here.
    pub(crate) no_builds: Option<String>,
}

impl World {
    /// Starts servers and worker, which migrates first and registers itself.
    pub(crate) fn start(
        target: &Path,
        once: bool,
        broken: Option<Break>,
        end: &End,
        begin: Instant,
    ) -> Result<Self> {
        let dir = folder(target)?;
        let mut world = Self {
            bin: target.join("debug"),
            dir,
            begin,
            worker: None,
            stack: None,
            clickhouse: None,
            builds: None,
            no_builds: None,
        };
        world.headline(
            "Restate, MariaDB, a development Vault, a certificate authority, DNS, a simulated edge in two regions",
        );
        let mut args = vec![
            "--vault",
            "--dns",
            "--acme",
            "--ready-after",
            INSTANCES_AFTER,
        ];
        for region in REGIONS {
            args.extend(["--edge", region]);
        }
        if !once {
            args.push("--web-ui");
        }
        world.stack = Some(Stack::start(target, &args)?);
        end.pause(Duration::ZERO)?;

        world.headline("ClickHouse, BuildKit, a registry, Git and a GitHub");
        world.clickhouse = Some(Stack::program(target, "clickhouse-stack", &[])?);
        end.pause(Duration::ZERO)?;
        match Stack::program(target, "build-stack", &[]) {
            Ok(builds) => {
                println!(
                    "images are built by {}",
                    builds.addresses["buildkit"]["address"]
                );
                world.builds = Some(builds);
            }
            Err(reason) => {
                println!(
                    "BuildKit does not run here, so images are deployed and none is built: {reason}"
                );
                world.no_builds = Some(reason.to_string());
            }
        }
        end.pause(Duration::ZERO)?;
        let config = world.dir.join("worker.toml");
        std::fs::write(&config, world.config(broken)).because(config.display())?;

        world.headline("worker migrate: the tables of a fresh installation");
        let mut migrate = Command::new(world.bin.join("worker"));
        migrate.arg("migrate").arg("--config").arg(&config);
        command::run(&mut migrate, end)?;

        world.headline("worker serve: registers itself with Restate");
        let mut worker = Worker::start(&world.bin.join("worker"), &config, &world.log())?;
        let ready = worker.ready(end);
        if ready.is_ok() {
            println!("ready: http://{}/health/ready", worker.health);
        }
        world.worker = Some(worker);
        ready.map(|()| world)
    }

    /// An address one of the stacks told.
    pub(crate) fn address(&self, part: &str, name: &str) -> String {
        let stacks = [&self.stack, &self.clickhouse, &self.builds];
        let mut told = stacks.into_iter().flatten().map(|s| &s.addresses[part]);
        let value = told.find_map(|part| part[name].as_str());
        value.unwrap_or_default().to_owned()
    }

    /// The servers that build.
    pub(crate) fn builds(&mut self) -> Result<&mut Stack> {
        let none = || Failure("nothing is built here".to_owned());
        self.builds.as_mut().ok_or_else(none)
    }

    /// Whether images are built here.
    pub(crate) fn has_builds(&self) -> bool {
        self.builds.is_some()
    }

    /// What `ctl` reads its addresses from.
    pub(crate) fn variables(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("CTRL_DATABASE", self.address("mysql", "dsn")),
            ("CTRL_INGRESS", self.address("restate", "ingress")),
            ("CTRL_ADMIN", self.address("restate", "admin")),
            ("CTRL_CLICKHOUSE", self.address("clickhouse", "url")),
            ("CTRL_CLICKHOUSE_HTTP", self.address("clickhouse", "http")),
        ])
    }

    /// Begins a part of the story.
    pub(crate) fn headline(&self, text: &str) {
        println!("\n== {:.1} s  {text}", self.begin.elapsed().as_secs_f64());
    }

    /// Runs `ctl` with its output on ours; a failure has its last words.
    pub(crate) fn ctl(&self, args: &[&str], end: &End) -> Result<()> {
        let mut ctl = Command::new(self.ctl_path());
        ctl.args(args).envs(self.variables());
        println!("$ {}", command::typed(&ctl));
        command::run(&mut ctl, end)
    }

    /// Runs `ctl --json` silently and gives what it printed.
    pub(crate) fn ctl_json(&self, args: &[&str], end: &End) -> Result<Value> {
        let mut ctl = Command::new(self.ctl_path());
        ctl.arg("--json").args(args).envs(self.variables());
        command::json(&mut ctl, end)
    }

    /// The same where it prints an object a line.
    pub(crate) fn ctl_lines(&self, args: &[&str], end: &End) -> Result<Vec<Value>> {
        let mut ctl = Command::new(self.ctl_path());
        ctl.arg("--json").args(args).envs(self.variables());
        command::lines(&mut ctl, end)
    }

    /// What both stores say of an app, over fresh connections, when what is under way has ended.
    pub(crate) fn read_back(&self, app_id: &str, end: &End) -> Result<Value> {
        command::json(&mut self.readback(app_id), end)
    }

    /// The same in the middle of things.
    pub(crate) fn read_now(&self, app_id: &str, end: &End) -> Result<Value> {
        command::json(self.readback(app_id).arg("--at-once"), end)
    }

    fn readback(&self, app_id: &str) -> Command {
        let mut readback = Command::new(self.bin.join("readback"));
        let url = format!(
            "{}/{}",
            self.address("mysql", "url"),
            self.address("mysql", "database")
        );
        readback.args(["--mysql", &url]);
        readback.args([
            "--admin",
            &self.address("restate", "admin"),
            "--app",
            app_id,
        ]);
        readback
    }

    /// Where `ctl` is.
    pub(crate) fn ctl_path(&self) -> PathBuf {
        self.program("ctl")
    }

    /// Where a program is.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The worker's log.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("worker.log")
    }

    /// Keeps logs and data of the servers for somebody to look into.
    pub(crate) fn keep(&mut self) {
        let Some(stack) = &mut self.stack else { return };
        if stack.tell("keep").is_ok() {
            let dir = stack.addresses["dir"].as_str().unwrap_or_default();
            eprintln!(
                "logs and data are kept; look: cargo run -p testbed --bin stack -- --dir {dir} --web-ui"
            );
        }
    }

    /// Stops everything, the worker first. The worker's log may stay.
    pub(crate) fn stop(mut self, keep_log: bool) {
        self.end_all();
        if keep_log {
            eprintln!("the worker's log is {}", self.log().display());
        } else {
            // at worst a small folder below the build directory stays
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }

    fn end_all(&mut self) {
        drop(self.worker.take());
        drop(self.builds.take());
        drop(self.clickhouse.take());
        drop(self.stack.take());
    }

    fn config(&self, broken: Option<Break>) -> String {
        let text = |part: &str, name: &str| Value::from(self.address(part, name)).to_string();
        let scaled = match broken {
            // instead of a quarter of an hour
            Some(_) => "[test_timings.deploy]\nready_timeout = \"15s\"\n",
            None => "",
        };
        format!(
            "default_domain = \"{DOMAIN}\"\ncname_domain = \"cname.{DOMAIN}\"\nregion = \"local\"\n\n\
             [database]\nprimary = {}\n\n[vault]\nurl = {}\ntoken = {}\n\n\
             [restate]\nadmin_url = {}\ningress_url = {}\nlisten = \"127.0.0.1:0\"\n\
             register_as = \"http://127.0.0.1:{{port}}\"\ndrain_timeout = \"5s\"\n\n\
             [acme]\nenabled = true\ndirectory = {}\nca_file = {}\n\n[dns]\nservers = [{}]\n\n\
             [test_timings.domains]\ncheck_interval = \"500ms\"\n\n\
             [observability.logging]\nformat = \"json\"\n\n[observability.metrics]\nlisten = \"127.0.0.1:0\"\n\n\
             [clickhouse]\nurl = {}\nhttp_url = {}\n\n{}{scaled}",
            text("mysql", "dsn"),
            text("vault", "url"),
            text("vault", "token"),
            text("restate", "admin"),
            text("restate", "ingress"),
            text("acme", "directory"),
            text("acme", "ca_file"),
            text("dns", "address"),
            text("clickhouse", "url"),
            text("clickhouse", "http"),
            self.builder(),
        )
    }

    /// The sections of what builds, where anything does.
    fn builder(&self) -> String {
        let Some(builds) = &self.builds else {
            return String::new();
        };
        let value = |part: &str, name: &str| builds.addresses[part][name].to_string();
        format!(
            "[buildkit]\naddress = {}\n\n\
             [registry]\nrepository = {}\nusername = {}\npassword = {}\ninsecure = true\n\n\
             [github]\napp_id = {}\nprivate_key_pem = {}\napi_url = {}\ngit_url = {}\n\n",
            value("buildkit", "address"),
            value("registry", "repository"),
            value("registry", "username"),
            value("registry", "password"),
            value("github", "app_id"),
            value("github", "private_key"),
            value("github", "url"),
            value("git", "url"),
        )
    }

    /// What a client that trusts only the authority's root is shown for a host name over TLS.
    pub(crate) fn https_get(&self, host: &str, end: &End) -> Result<Value> {
        let mut get = Command::new(self.bin.join("https-get"));
        let url = format!(
            "{}/{}",
            self.address("mysql", "url"),
            self.address("mysql", "database")
        );
        get.args(["--host", host, "--mysql", &url]);
        get.args(["--address", &self.address("edge", "tls")]);
        get.args(["--root", &self.address("acme", "root_file")]);
        command::json(&mut get, end)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.end_all();
    }
}

/// A folder for configuration and log; those of earlier runs go.
fn folder(target: &Path) -> Result<PathBuf> {
    let all = target.join("demo");
    for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
        let pid = entry.file_name();
        if !Path::new("/proc").join(&pid).join("exe").exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let dir = all.join(std::process::id().to_string());
    std::fs::create_dir_all(&dir).because(dir.display())?;
    Ok(dir)
}
