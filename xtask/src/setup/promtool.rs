//! Prometheus' own checker of rules, of Debian's next release. Not for Prometheus itself: nothing here scrapes.

use std::path::PathBuf;

use super::{given, have, newer};
use crate::run::{Failure, Result};

/// Installs it if it is missing.
pub(super) fn all() -> Result<()> {
    have("promtool", &program()?)
}

/// Its path, installed if missing.
pub(crate) fn program() -> Result<PathBuf> {
    if let Some(path) = given("PROMTOOL") {
        return path;
    }
    let path = newer::place("usr/bin/promtool");
    if !path.is_file() {
        newer::unpack(&["promtool"])
            .map_err(|e| Failure(format!("{e}; or set PROMTOOL to Prometheus' promtool")))?;
    }
    if path.is_file() {
        Ok(path)
    } else {
        Err(Failure(format!(
            "Debian {} has no promtool; set PROMTOOL to one",
            newer::SUITE
        )))
    }
}
