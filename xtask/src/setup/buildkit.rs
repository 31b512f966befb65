//! What tests and the demo build with: the BuildKit inside dockerd, a registry, git, and a client of Depot's own.
//!
//! dockerd must be of Debian's next release: the one of this release has a BuildKit that can neither push nor build a
//! folder of a repository. Not for starting them: crate `build-testbed` does, as root.

use std::process::Command;

use super::{apt, given, have, newer, npm, on_path};
use crate::run::{Failure, Result, output, stack_dir};

/// A client of Depot that nobody here wrote.
const DEPOT_VERSION: &str = "0.0.1-cli.2.102.12";
/// Says that a machine on which builds cannot run is no failure.
const SKIP: &str = "ALLOW_NO_BUILDKIT";

/// All of them.
pub(super) fn all() -> Result<()> {
    let done = programs();
    match done {
        Err(e) if std::env::var_os(SKIP).is_some_and(|v| !v.is_empty()) => {
            println!("builds: none here, as {SKIP} allows ({e})");
            Ok(())
        }
        Err(e) => Err(Failure(format!(
            "{e}\nbuilds need it; {SKIP}=1 does without them, and says so"
        ))),
        Ok(()) => Ok(()),
    }
}

fn programs() -> Result<()> {
    dockerd()?;
    let packages: Vec<&str> = [
        ("git", "git"),
        // the next release's needs a newer C library
        ("runc", "runc"),
        // a shell for images that have nothing else
        ("busybox", "busybox-static"),
    ]
    .into_iter()
    .filter(|(program, _)| !on_path(program))
    .map(|(_, package)| package)
    .collect();
    if !packages.is_empty() {
        apt(&packages, "what builds run in")?;
    }
    depot()
}

fn dockerd() -> Result<()> {
    let places = [
        ("DOCKERD", "usr/sbin/dockerd"),
        ("DOCKER_REGISTRY", "usr/bin/docker-registry"),
    ];
    let missing = |(variable, file): &(&str, &str)| {
        given(variable).is_none() && !newer::place(file).is_file()
    };
    if places.iter().any(missing) {
        newer::unpack(&["docker.io", "containerd", "docker-registry"]).map_err(|e| {
            Failure(format!(
                "{e}; or set DOCKERD to one of version 26 or later with containerd beside it on the path, and \
                 DOCKER_REGISTRY to a registry"
            ))
        })?;
    }
    for (variable, file) in places {
        let path = given(variable).unwrap_or_else(|| Ok(newer::place(file)))?;
        let answers = || output(Command::new(&path).arg("--version"));
        if answers().is_err() && file.ends_with("dockerd") {
            // the only library of it that a small system may lack, with what it brings
            apt(&["libsystemd0"], "a library of dockerd")?;
        }
        answers()?;
        have(file.rsplit('/').next().unwrap_or(file), &path)?;
    }
    Ok(())
}

fn depot() -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        println!("Depot's client: none for this machine; the test that asks it is left out");
        return Ok(());
    }
    let package = stack_dir().join("node_modules/@depot/cli-linux-x64");
    let version = std::fs::read_to_string(package.join("package.json"));
    let wanted = format!("\"{DEPOT_VERSION}\"");
    if !version.is_ok_and(|text| text.contains(&wanted)) {
        npm(
            &format!("@depot/cli-linux-x64@{DEPOT_VERSION}"),
            "Depot's client",
        )?;
    }
    have("Depot's client", &package.join("bin/depot"))
}
