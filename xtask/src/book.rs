//! `cargo xtask book`: docs/ as a book, rendered by mdBook.
//!
//! Not for what a page must keep to: that is `cargo xtask tidy`.

use std::process::{Command, Stdio};

use crate::run::{Because, Failure, Result, root, target_dir};
use crate::setup;

/// Renders the book into the build directory; a warning of mdBook is a failure.
pub(crate) fn build() -> Result<()> {
    let program = setup::mdbook()?;
    let to = target_dir()?.join("book");
    if to.exists() {
        std::fs::remove_dir_all(&to).because(to.display())?;
    }
    let mut mdbook = Command::new(program);
    mdbook.arg("build").arg("--dest-dir").arg(&to).arg(root());
    // it says what is wrong on its standard error and ends well all the same
    let told = mdbook.stdin(Stdio::null()).output().because("mdbook")?;
    let words = String::from_utf8_lossy(&told.stderr);
    if !told.status.success() || words.contains("WARN") || words.contains("ERROR") {
        return Err(Failure(format!(
            "mdbook build: {}\n{}",
            told.status,
            words.trim()
        )));
    }
    println!("the book: {}", to.join("index.html").display());
    Ok(())
}
