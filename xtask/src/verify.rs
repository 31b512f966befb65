//! `cargo xtask verify`: everything that can be judged without running the product.
//!
//! Not for tests: `cargo xtask test`.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::run::{Failure, Result, cargo, check, root, target_dir};
use crate::{advisories, book, setup, tidy};

type Part = (&'static str, fn() -> Result<()>);

/// Runs every part, also after one has failed, and says how long each took.
pub(crate) fn all() -> Result<()> {
    let parts: [Part; 6] = [
        ("fmt", fmt),
        ("clippy", clippy),
        ("tidy", tidy::all),
        ("book", book::build),
        ("deny", deny),
        ("doc", doc),
    ];
    let mut report = Vec::new();
    let mut failed = Vec::new();
    for (name, part) in parts {
        println!("== {name}");
        let begin = Instant::now();
        let result = part();
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        report.push(format!(
            "{name:7} {word:6} {:4} s",
            begin.elapsed().as_secs()
        ));
        if let Err(e) = result {
            eprintln!("{e}");
            failed.push(name);
        }
    }
    println!("== verify\n{}", report.join("\n"));
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure(format!("not good: {}", failed.join(", "))))
    }
}

fn fmt() -> Result<()> {
    check(&mut cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    check(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn doc() -> Result<()> {
    let mut command = cargo(&["doc", "--workspace", "--no-deps"]);
    check(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn deny() -> Result<()> {
    let program = setup::cargo_deny()?;
    let mut rules = Command::new(&program);
    rules.args(["--locked", "check", "bans", "licenses", "sources"]);
    check(rules.current_dir(root()).stdin(Stdio::null()))?;
    advisories::checked(&program, &target_dir()?.join("advisories"))
}
