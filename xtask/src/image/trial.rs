//! Runs the image as a container engine would, on real servers: commands that end, then serving until it is told to stop.
//!
//! Everything asserted here fails the verb. Not for building the image: `oci`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::load::{self, Process};
use super::oci::{Container, Image, Unpacked};
use super::stage::USER;
use crate::demo::http;
use crate::run::{Because, Failure, Result};
use crate::stack::Stack;

/// Longest until a worker is ready, beyond which something is wrong.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Longest a worker without work may take to end.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);
/// Nobody waits for this deployment, so the call reads and is answered.
const CALL: &str = "/hydra.v1.DeployService/image/NotifyInstancesReady";
const BODY: &str = "{\"deploymentId\":\"d_image\"}";
/// Handler calls a second under load.
pub(crate) const CALLS: u32 = 100;

/// How much is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Times it is started.
    pub(crate) starts: u32,
    /// How long it does nothing before its memory is read.
    pub(crate) idle: Duration,
    /// How long it is called.
    pub(crate) load: Duration,
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// From before the container is asked for until `/health/ready` says yes.
    pub(crate) ready: Vec<Duration>,
    /// From SIGTERM until the container has ended.
    pub(crate) stopped: Vec<Duration>,
    /// Resident KiB of a worker without work.
    pub(crate) idle: u64,
    /// Resident KiB at the end of the load.
    pub(crate) busy: u64,
    /// Calls that were answered.
    pub(crate) calls: u32,
    /// Share of one processor under load.
    pub(crate) cpu: f64,
}

/// Runs it and stops it, as often as asked.
pub(crate) fn run(image: &Image, target: &Path, dir: &Path, extent: Extent) -> Result<Figures> {
    let stack = Stack::start(target, &[])?;
    let told = |part: &str, name: &str| {
        stack.addresses[part][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let mounted = dir.join("config");
    std::fs::create_dir_all(&mounted).because(mounted.display())?;
    let config = mounted.join("worker.toml");
    let ingress = told("restate", "ingress");
    std::fs::write(
        &config,
        text(&told("mysql", "dsn"), &told("restate", "admin"), &ingress),
    )
    .because(config.display())?;
    let unpacked = image.unpack()?;
    let trial = Trial {
        image,
        unpacked,
        dir,
        mounted,
    };
    trial.only_what_belongs()?;
    trial.ends_well(&["--version"])?;
    trial.ends_well(&[
        "check-config",
        "--strict",
        "--config",
        "/etc/worker/worker.toml",
    ])?;
    trial.ends_well(&["migrate", "--config", "/etc/worker/worker.toml"])?;
    let mut figures = Figures::default();
    for number in 1..=extent.starts {
        let mut serving = trial.serve(number)?;
        figures.ready.push(serving.ready()?);
        serving.is_confined()?;
        if number == extent.starts {
            crate::run::pause(extent.idle);
            let process = serving.process()?;
            figures.idle = process.resident()?;
            let (before, begin) = (process.cpu()?, Instant::now());
            let url = format!("{}{CALL}", ingress.trim_end_matches('/'));
            figures.calls = load::steady(target, &url, BODY, CALLS, extent.load)?;
            figures.cpu = (process.cpu()? - before).as_secs_f64() / begin.elapsed().as_secs_f64();
            figures.busy = process.resident()?;
        }
        figures
            .stopped
            .push(serving.stop(image.text("StopSignal"))?);
    }
    drop(trial);
    stack.stop()?;
    Ok(figures)
}

/// `localhost` has to be looked up, with what the image has for that.
fn text(dsn: &str, admin: &str, ingress: &str) -> String {
    let by_name = |url: &str| Value::from(url.replace("127.0.0.1", "localhost")).to_string();
    format!(
        "cname_domain = \"cname.example.com\"\n[database]\nprimary = {}\n\n[restate]\nadmin_url = {}\ningress_url = {}\n\
         listen = \"127.0.0.1:0\"\nregister_as = \"http://127.0.0.1:{{port}}\"\n\n\
         [observability.logging]\nformat = \"json\"\n\n[observability.metrics]\nlisten = \"127.0.0.1:0\"\n",
        Value::from(dsn),
        by_name(admin),
        by_name(ingress),
    )
}

struct Trial<'a> {
    image: &'a Image,
    unpacked: Unpacked,
    dir: &'a Path,
    mounted: PathBuf,
}

impl Trial<'_> {
    /// No program but the worker, and nobody else's rights on anything.
    fn only_what_belongs(&self) -> Result<()> {
        let mut programs = Vec::new();
        look(&self.unpacked.place, &mut programs)?;
        let programs: Vec<_> = programs
            .iter()
            .filter_map(|p| p.strip_prefix(&self.unpacked.place).ok())
            .collect();
        let expected = |p: &&Path| {
            **p == *Path::new("usr/bin/worker") || p.to_string_lossy().contains("/ld-linux")
        };
        if programs.iter().all(expected) && programs.len() == 2 {
            Ok(())
        } else {
            Err(Failure(format!(
                "programs in the image besides the worker and its loader: {programs:?}"
            )))
        }
    }

    fn start(&self, name: &str, args: &[&str]) -> Result<(Container, PathBuf)> {
        let id = format!("worker-image-{}-{name}", std::process::id());
        let path = self.dir.join(format!("{name}.log"));
        let log = File::create(&path).because(path.display())?;
        let container = self.image.start(
            &self.unpacked,
            &id,
            &self.dir.join(name),
            &self.mounted,
            args,
            log,
        )?;
        Ok((container, path))
    }

    fn ends_well(&self, args: &[&str]) -> Result<()> {
        let name = args[0].trim_start_matches('-');
        let (container, log) = self.start(name, args)?;
        let status = container.wait(READY_WITHIN)?;
        if status.success() {
            return Ok(());
        }
        Err(Failure(format!(
            "worker {} in the image: {status}\n{}",
            args.join(" "),
            end_of(&log)
        )))
    }

    fn serve(&self, number: u32) -> Result<Serving> {
        let begin = Instant::now();
        let (container, log) = self.start(&format!("serve-{number}"), &[])?;
        Ok(Serving {
            container,
            log,
            begin,
            address: String::new(),
        })
    }
}

/// A worker in its container.
struct Serving {
    container: Container,
    log: PathBuf,
    begin: Instant,
    address: String,
}

impl Serving {
    /// Waits until it is ready and asks the other two health paths.
    fn ready(&mut self) -> Result<Duration> {
        while !self.answers("/health/ready") {
            if !self.container.runs() || self.begin.elapsed() > READY_WITHIN {
                return Err(Failure(format!(
                    "the worker in the image is not ready\n{}",
                    end_of(&self.log)
                )));
            }
            crate::run::pause(Duration::from_millis(2));
        }
        let took = self.begin.elapsed();
        for path in ["/health/startup", "/health/live"] {
            if !self.answers(path) {
                return Err(Failure(format!(
                    "{path} of the worker in the image does not answer 200"
                )));
            }
        }
        Ok(took)
    }

    fn answers(&mut self, path: &str) -> bool {
        if self.address.is_empty() {
            self.address = said(&self.log, "listening", "address").unwrap_or_default();
        }
        !self.address.is_empty()
            && http::get(&self.address, "worker", path).is_ok_and(|(status, _)| status == 200)
    }

    fn process(&self) -> Result<Process> {
        let pid = self.container.pid();
        pid.map(Process::new)
            .ok_or_else(|| Failure("runc knows no process of the container".to_owned()))
    }

    /// It is the image's user, without rights, on a root it cannot write to.
    fn is_confined(&self) -> Result<()> {
        let process = self.process()?;
        let user = USER.to_string();
        if process
            .status("Uid")?
            .split_whitespace()
            .any(|id| id != user)
        {
            return Err(Failure(
                "the worker in the image runs as another user".to_owned(),
            ));
        }
        let rights = process.status("CapEff")?;
        if !rights.trim_matches('0').is_empty() || process.status("NoNewPrivs")? != "1" {
            return Err(Failure(
                "the worker in the image has rights it does not need".to_owned(),
            ));
        }
        if process.writable_root()? {
            return Err(Failure("the worker's root can be written to".to_owned()));
        }
        Ok(())
    }

    /// Tells it to stop, as an engine would, and wants exit code 0 and an orderly end.
    fn stop(self, signal: &str) -> Result<Duration> {
        let begin = Instant::now();
        self.container.signal(signal)?;
        let status = self.container.wait(STOPPED_WITHIN)?;
        let took = begin.elapsed();
        let orderly = said(&self.log, "stopped", "message").is_some();
        if status.code() == Some(0) && orderly {
            return Ok(took);
        }
        Err(Failure(format!(
            "after {signal} the worker in the image ended with {status}\n{}",
            end_of(&self.log)
        )))
    }
}

/// A field of the first log line with this message.
fn said(log: &Path, message: &str, field: &str) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let lines = text
        .lines()
        .filter_map(|l| serde_json::from_str::<Value>(l).ok());
    let mut fields = lines.map(|mut l| l["fields"].take());
    let found = fields.find(|f| f["message"] == message)?;
    Some(found[field].as_str()?.to_owned())
}

fn end_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

/// Files that may be run; one that lends its owner's rights is an error.
fn look(dir: &Path, programs: &mut Vec<PathBuf>) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in std::fs::read_dir(dir).because(dir.display())? {
        let path = entry.because(dir.display())?.path();
        let known = path.symlink_metadata().because(path.display())?;
        let mode = known.permissions().mode();
        if known.is_dir() {
            look(&path, programs)?;
        } else if mode & 0o6000 != 0 || mode & 0o022 != 0 {
            return Err(Failure(format!("{} has mode {mode:o}", path.display())));
        } else if known.is_file() && mode & 0o111 != 0 {
            programs.push(path);
        }
    }
    Ok(())
}
