//! `cargo xtask verify`: everything that can be judged without running the product.
//!
//! Not for tests: `cargo xtask test`.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::run::{Because, Failure, Result, cargo, check, root, target_dir};
use crate::{book, setup, tidy};

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
    let run = |args: &[&str]| {
        let mut command = Command::new(&program);
        check(command.args(args).current_dir(root()).stdin(Stdio::null()))
    };
    run(&["--locked", "check", "bans", "licenses", "sources"])?;
    let Some(database) = std::env::var("ADVISORY_DB").ok().filter(|v| !v.is_empty()) else {
        println!("advisories not checked: no database");
        return Ok(());
    };
    // cargo-deny takes the database's address from its file only
    let ours = std::fs::read_to_string(root().join("deny.toml")).because("deny.toml")?;
    let line = format!(
        "[advisories]\ndb-urls = [{}]",
        serde_json::Value::from(database)
    );
    let with = target_dir()?.join("deny-with-database.toml");
    std::fs::write(&with, ours.replacen("[advisories]", &line, 1)).because(with.display())?;
    run(&[
        "--locked",
        "check",
        "--config",
        &with.to_string_lossy(),
        "advisories",
    ])
}
