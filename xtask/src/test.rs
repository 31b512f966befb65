//! `cargo xtask test`: all tests, on one MariaDB server for the run and one Restate server per test
//! process.
//!
//! Not for judging which scenarios were shown: see `scenarios`.

use std::path::Path;
use std::time::Instant;

use crate::run::{Because, Failure, Result, cargo, check, revision, target_dir};
use crate::stack::Stack;
use crate::{scenarios, setup};

mod failures;

/// Runs the tests `rest` selects, all without.
pub(crate) fn all(rest: &[String]) -> Result<()> {
    setup::servers()?;
    setup::clickhouse()?;
    let target = target_dir()?;
    let everything = rest.is_empty();
    // a claim of an earlier run must not count for this one
    if everything && target.join("scenarios").exists() {
        std::fs::remove_dir_all(target.join("scenarios")).because("remove old scenario records")?;
    }
    remove_old_evidence(&target.join("testbed"))?;
    let begin = Instant::now();
    let chosen = rest
        .iter()
        .any(|w| matches!(w.as_str(), "-p" | "--package" | "--workspace"));
    if chosen {
        check(&mut cargo(&[
            "build",
            "--package",
            "testbed",
            "--bin",
            "stack",
        ]))?;
    } else {
        check(&mut cargo(&["test", "--workspace", "--no-run"]))?;
    }
    println!("built in {} s", begin.elapsed().as_secs());
    let mut stack = Stack::start(&target, &["--only", "mysql"])?;
    let url = stack.addresses["mysql"]["url"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut tests = cargo(&["test"]);
    if !rest
        .iter()
        .any(|w| w == "-p" || w == "--package" || w == "--workspace")
    {
        tests.arg("--workspace");
    }
    tests.arg("--no-fail-fast").args(rest);
    tests
        .env("CTRL_TEST_MYSQL", &url)
        .env("CTRL_TEST_REVISION", revision());
    let begin = Instant::now();
    let failed = failures::run(&mut tests)?;
    println!("tests took {} s", begin.elapsed().as_secs());
    if let Some(failed) = failed {
        let dir = stack.addresses["dir"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        stack.tell("keep")?;
        stack.stop()?;
        eprintln!("the database of the failed tests is kept in {dir}");
        eprintln!("look: cargo run -p testbed --bin stack -- --only mysql --dir {dir}");
        // last on the screen, where it is looked for
        return Err(Failure(format!("tests failed\n  {}", failed.join("\n  "))));
    }
    stack.stop()?;
    if everything {
        scenarios::summary()
    } else {
        Ok(())
    }
}

/// Removes what failed tests of earlier runs left, but not the folders of processes that live.
fn remove_old_evidence(dir: &Path) -> Result<()> {
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.because(dir.display())?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let pid = name.rsplit_once('-').map_or("", |(_, pid)| pid).to_owned();
        if !Path::new("/proc").join(&pid).join("exe").exists() {
            std::fs::remove_dir_all(&path).because("remove old evidence")?;
        }
    }
    Ok(())
}
