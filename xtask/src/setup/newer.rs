//! Programs of the Debian release after the one this is made for, which run on it: their packages are taken apart below
//! `.stack` instead of being installed, so that the system's packages stay as they are.
//!
//! Not for what a package would do when it is installed: no service, no user, nothing outside `.stack`.

use std::path::PathBuf;
use std::process::Command;

use crate::run::{Because, Failure, Result, check, stack_dir};

/// The release.
pub(super) const SUITE: &str = "trixie";

/// Where a file of an unpacked package is, `usr/bin/pebble` for example.
pub(super) fn place(file: &str) -> PathBuf {
    stack_dir().join(SUITE).join(file)
}

/// Downloads packages from the machine's own mirror and unpacks them, without what they depend on.
///
/// # Errors
/// No Debian mirror is set up here, or it does not have them.
pub(super) fn unpack(packages: &[&str]) -> Result<()> {
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
    check(&mut apt_get(&["update", "-q"]))?;
    check(apt_get(&["download", "-q"]).args(packages))?;
    let found = std::fs::read_dir(&work).because("read .stack/apt")?;
    let found = found.filter_map(|entry| Some(entry.ok()?.path()));
    let debs: Vec<PathBuf> = found
        .filter(|p| p.extension().is_some_and(|e| e == "deb"))
        .collect();
    if debs.len() != packages.len() {
        return Err(Failure(format!(
            "apt-get download {} left {} packages",
            packages.join(" "),
            debs.len()
        )));
    }
    for deb in debs {
        let mut unpack = Command::new("dpkg");
        check(unpack.arg("-x").arg(deb).arg(stack_dir().join(SUITE)))?;
    }
    // the lists are large and of no further use
    std::fs::remove_dir_all(&work).because("remove .stack/apt")
}

/// The machine's own Debian mirror with the newer suite, as a file for apt: its name and text.
fn sources() -> Result<(&'static str, String)> {
    let none = || {
        Failure(format!(
            "no Debian mirror in /etc/apt, so programs of Debian {SUITE} cannot be fetched"
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
