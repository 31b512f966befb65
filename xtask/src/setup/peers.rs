//! The certificate authority and the Route53 that tests talk to: Debian's Pebble, a newer one that offers renewal
//! information, and moto in a Python environment of its own.
//!
//! Not for starting them: crate `testbed` does.

use std::path::PathBuf;
use std::process::Command;

use super::{apt, have, on_path};
use crate::run::{Because, Failure, Result, check, output, stack_dir};

const MOTO: &str = "moto[server,route53]==5.2.5";
/// The suite whose Pebble offers renewal information; its program runs on the release before.
const SUITE: &str = "trixie";

/// All of them.
pub(super) fn all() -> Result<()> {
    pebble()?;
    newer_pebble()?;
    moto()
}

fn given(variable: &str) -> Option<Result<PathBuf>> {
    let path = std::env::var_os(variable).filter(|v| !v.is_empty())?;
    let path = PathBuf::from(path);
    Some(if path.is_file() {
        Ok(path)
    } else {
        Err(Failure(format!("{variable}: no file {}", path.display())))
    })
}

fn pebble() -> Result<()> {
    if let Some(path) = given("PEBBLE") {
        return have("pebble", &path?);
    }
    let path = PathBuf::from("/usr/bin/pebble");
    if !path.is_file() {
        apt(&["pebble"], "Pebble")?;
    }
    have("pebble", &path)
}

/// Takes the package of another suite apart instead of installing it, so that the system's packages stay as they are.
fn newer_pebble() -> Result<()> {
    if let Some(path) = given("PEBBLE_ARI") {
        return have("pebble with renewal information", &path?);
    }
    let root = stack_dir().join(SUITE);
    let path = root.join("usr/bin/pebble");
    if !path.is_file() {
        let work = stack_dir().join("apt");
        for dir in ["parts", "lists/partial", "cache/archives/partial"] {
            std::fs::create_dir_all(work.join(dir)).because("create .stack/apt")?;
        }
        let (name, sources) = sources()?;
        std::fs::write(work.join("parts").join(name), sources).because("write .stack/apt")?;
        let dir = work.display();
        let options = [
            "Dir::Etc::sourcelist=/dev/null".to_owned(),
            format!("Dir::Etc::sourceparts={dir}/parts"),
            format!("Dir::State::lists={dir}/lists"),
            format!("Dir::Cache={dir}/cache"),
            // a folder below a home is closed to the user that downloads otherwise
            "APT::Sandbox::User=root".to_owned(),
        ];
        let apt_get = |words: &[&str]| {
            let mut command = Command::new("apt-get");
            for option in &options {
                command.args(["-o", option]);
            }
            command.args(words).current_dir(&work);
            command
        };
        let package = work.join("pebble.deb");
        check(&mut apt_get(&["update", "-q"]))?;
        check(&mut apt_get(&["download", "-q", "pebble"]))?;
        let found = std::fs::read_dir(&work).because("read .stack/apt")?;
        let found = found.filter_map(|entry| Some(entry.ok()?.path()));
        let deb = found
            .filter(|p| p.extension().is_some_and(|e| e == "deb"))
            .find(|p| p != &package);
        let deb = deb.ok_or_else(|| Failure("apt-get download left no package".to_owned()))?;
        std::fs::rename(deb, &package).because("rename the package")?;
        let mut unpack = Command::new("dpkg");
        check(unpack.arg("-x").arg(&package).arg(&root))?;
        // the lists are large and of no further use
        std::fs::remove_dir_all(&work).because("remove .stack/apt")?;
    }
    if path.is_file() {
        have("pebble with renewal information", &path)
    } else {
        Err(Failure(format!(
            "the suite {SUITE} has no pebble; set PEBBLE_ARI to a Pebble of version 2.6 or later"
        )))
    }
}

/// The machine's own Debian mirror with the newer suite, as a file for apt: its name and text.
fn sources() -> Result<(&'static str, String)> {
    let none = || {
        Failure(format!(
            "no Debian mirror in /etc/apt; set PEBBLE_ARI to a Pebble of version 2.6 or later (Debian {SUITE} has one)"
        ))
    };
    let deb822 = std::fs::read_to_string("/etc/apt/sources.list.d/debian.sources");
    if let Ok(text) = deb822 {
        let stanza = text
            .split("\n\n")
            .find(|part| part.contains("URIs:") && !part.contains("security"));
        let lines = stanza.ok_or_else(none)?.lines().map(|line| {
            if line.starts_with("Suites:") {
                format!("Suites: {SUITE}\n")
            } else {
                format!("{line}\n")
            }
        });
        return Ok(("newer.sources", lines.collect()));
    }
    let text = std::fs::read_to_string("/etc/apt/sources.list").unwrap_or_default();
    let mut lines = text
        .lines()
        .filter(|l| l.starts_with("deb ") && l.contains("debian"));
    let line = lines.find(|l| !l.contains("security")).ok_or_else(none)?;
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let suite = words
        .iter()
        .rposition(|w| w.contains("://"))
        .ok_or_else(none)?
        + 1;
    if suite >= words.len() {
        return Err(none());
    }
    words[suite] = SUITE;
    words.truncate(suite + 2);
    Ok(("newer.list", words.join(" ") + "\n"))
}

fn moto() -> Result<()> {
    if let Some(path) = given("MOTO_SERVER") {
        return have("moto_server", &path?);
    }
    let dir = stack_dir().join("moto");
    let program = dir.join("bin/moto_server");
    // written last: a torn installation is done again
    let done = dir.join("installed");
    if std::fs::read_to_string(&done).is_ok_and(|text| text == MOTO) && program.is_file() {
        return have(MOTO, &program);
    }
    std::fs::create_dir_all(stack_dir()).because("create .stack")?;
    if dir.exists() {
        std::fs::remove_dir_all(&dir).because("remove .stack/moto")?;
    }
    let make = || {
        let mut venv = Command::new("python3");
        check(venv.args(["-m", "venv"]).arg(&dir))
    };
    // Debian keeps what it takes to make an environment in a package of its own
    if make().is_err() {
        apt(&["python3-venv"], "Python's venv, which holds moto")?;
        make()?;
    }
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    check(pip.arg(MOTO))?;
    std::fs::write(&done, MOTO).because("write .stack/moto/installed")?;
    have(MOTO, &program)
}

/// What the second backends need to build: the headers of OpenSSL. Nothing else needs them.
pub(crate) fn openssl_headers() -> Result<()> {
    let mut known = Command::new("pkg-config");
    if on_path("pkg-config") && output(known.args(["--exists", "openssl"])).is_ok() {
        println!("OpenSSL's headers: installed");
        return Ok(());
    }
    apt(
        &["pkg-config", "libssl-dev"],
        "OpenSSL's headers, for the second backends",
    )
}
