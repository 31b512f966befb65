//! `cargo xtask tidy`: the house rules that no compiler checks.
//!
//! Not for style: that is `cargo fmt` and clippy.

mod alerts;
mod book;
mod codes;
mod dependencies;
mod files;
mod keys;
mod manifests;

use crate::run::{Failure, Result};
use crate::{codegen, docs, release};

/// Runs every check and lists all that is wrong.
pub(crate) fn all() -> Result<()> {
    let mut wrong = Vec::new();
    wrong.extend(dependencies::check()?);
    wrong.extend(files::check()?);
    wrong.extend(codes::check()?);
    wrong.extend(book::check()?);
    wrong.extend(keys::check()?);
    wrong.extend(alerts::check()?);
    wrong.extend(manifests::check()?);
    wrong.extend(release::problems());
    if let Err(drift) = codegen::run(true) {
        wrong.push(format!("generated code differs from proto/: {drift}"));
    }
    if let Err(drift) = docs::run(true) {
        wrong.push(drift.to_string());
    }
    for problem in &wrong {
        eprintln!("tidy: {problem}");
    }
    match wrong.len() {
        0 => {
            println!("tidy: nothing to say");
            Ok(())
        }
        count => Err(Failure(format!("tidy: {count} to mend"))),
    }
}
