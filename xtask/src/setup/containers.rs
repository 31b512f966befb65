//! What an image is built and run with: buildah, runc, and the certificate authorities that go into it.
//!
//! Not for building or running one: see `image`.

use std::path::Path;

use super::{apt, have, on_path};
use crate::run::Result;

/// All of them, as Debian has them.
pub(crate) fn all() -> Result<()> {
    let wanted = [
        ("/usr/bin/buildah", "buildah"),
        ("/usr/sbin/runc", "runc"),
        ("/usr/bin/strip", "binutils"),
        ("/etc/ssl/certs/ca-certificates.crt", "ca-certificates"),
    ];
    let there = |path: &str, program: &str| Path::new(path).is_file() || on_path(program);
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(path, package)| !there(path, package))
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        apt(&missing, "what images are built and run with")?;
    }
    for (path, package) in wanted {
        have(package, Path::new(path))?;
    }
    Ok(())
}
