//! `cargo xtask codegen`: the client crates, written from proto/.
//!
//! Not the generator itself: that is crate `codegen`, which needs protobuf and so does not belong here.

use crate::run::{Result, cargo, check};

/// Writes the client crates, or only compares.
pub(crate) fn run(check_only: bool) -> Result<()> {
    let mut command = cargo(&["run", "--quiet", "--package", "codegen", "--"]);
    if check_only {
        command.arg("--check");
    }
    check(&mut command)
}
