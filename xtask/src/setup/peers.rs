//! The certificate authority and the Route53 that tests talk to: Debian's Pebble, a newer one that offers renewal
//! information, and moto in a Python environment of its own.
//!
//! Not for starting them: crate `testbed` does.

use std::path::PathBuf;
use std::process::Command;

use super::{apt, given, have, newer, on_path};
use crate::run::{Because, Failure, Result, check, output, stack_dir};

const MOTO: &str = "moto[server,route53]==5.2.5";

/// All of them.
pub(super) fn all() -> Result<()> {
    pebble()?;
    newer_pebble()?;
    moto()
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

/// Only the newer one offers renewal information.
fn newer_pebble() -> Result<()> {
    if let Some(path) = given("PEBBLE_ARI") {
        return have("pebble with renewal information", &path?);
    }
    let path = newer::place("usr/bin/pebble");
    if !path.is_file() {
        newer::unpack(&["pebble"]).map_err(|e| {
            Failure(format!(
                "{e}; or set PEBBLE_ARI to a Pebble of version 2.6 or later"
            ))
        })?;
    }
    if path.is_file() {
        have("pebble with renewal information", &path)
    } else {
        Err(Failure(format!(
            "Debian {} has no pebble; set PEBBLE_ARI to a Pebble of version 2.6 or later",
            newer::SUITE
        )))
    }
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
