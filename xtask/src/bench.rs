//! `cargo xtask bench`: builds and runs crates/bench, which measures and writes docs/bench.md; and judges whether
//! that page still tells of this code.
//!
//! Not for measuring: that needs clients of the servers.

use std::process::{Command, Stdio};

use crate::image;
use crate::run::{Because, Failure, Result, cargo, check, output, root, target_dir};
use crate::setup;

/// Where figures are.
pub(crate) const PAGE: &str = "docs/bench.md";
const ROWS: &str = "crates/bench/rows.txt";

/// What the figures depend on.
const MEASURED: &[&str] = &[
    "crates/deploy",
    "crates/routing",
    "crates/deployment",
    "crates/versioning",
    "crates/key-refill",
    "crates/quota-check",
    "crates/key-last-used",
    "crates/environment",
    "crates/custom-domain",
    "crates/certificate",
    "crates/acme",
    "crates/dns",
    "crates/analytics",
    "crates/teardown",
    "crates/build",
    "crates/build-log",
    "crates/build-slot",
    "crates/builder",
    "crates/cancellation",
    "crates/github",
    "crates/github-status",
    "crates/github-webhook",
    "crates/webhook-intake",
    "crates/mysql",
    "crates/durable",
    "bin/worker",
    ":(exclude,glob)**/tests/**",
];

/// Measures everything and writes the page; `quick` measures little, with a debug build, and writes nothing. So with
/// `only` some parts.
pub(crate) fn measure(quick: bool, only: &[String]) -> Result<()> {
    setup::servers()?;
    setup::clickhouse()?;
    let packages = ["-p", "bench", "-p", "worker", "-p", "testbed"];
    let mut build = cargo(&["build"]);
    if !quick {
        build.arg("--release");
    }
    check(build.args(packages))?;
    let profile = if quick { "debug" } else { "release" };
    let mut bench = Command::new(target_dir()?.join(profile).join("bench"));
    bench.current_dir(root()).stdin(Stdio::null());
    bench.args(["--revision", &revision()?]);
    if quick {
        bench.arg("--quick");
    }
    if !only.is_empty() {
        bench.args(["--only", &only.join(",")]);
    } else if !quick {
        bench.args(["--doc", PAGE]);
    }
    check(&mut bench)
}

/// Fails when a row is missing from the page, or what it measured has changed since.
pub(crate) fn up_to_date() -> Result<()> {
    let rows = std::fs::read_to_string(root().join(ROWS)).because(ROWS)?;
    let page = std::fs::read_to_string(root().join(PAGE)).because(PAGE)?;
    let mut wrong = missing(&rows, &page);
    wrong.extend(missing(image::ROWS, &page));
    for (what, commit) in measured(&page) {
        match commit {
            None => wrong.push(format!("it does not name the commit of {what}")),
            Some(commit) if commit.ends_with('+') => {
                wrong.push(format!("{what} had uncommitted changes ({commit})"));
            }
            Some(commit) => {
                let range = format!("{commit}..HEAD");
                let later = git(&["log", "--format=%h %s", &range, "--"], MEASURED)?;
                if let Some(last) = later.lines().next() {
                    wrong.push(format!("{what}, {commit}, is older than {last}"));
                }
            }
        }
    }
    if wrong.is_empty() {
        println!("{PAGE} is complete and up to date");
        return Ok(());
    }
    let wrong = wrong.join("; ");
    Err(Failure(format!(
        "{PAGE}: {wrong}. Run `cargo xtask bench`, and `cargo xtask image` for rows of the image"
    )))
}

/// The last commit, with `+` when what is measured differs from it.
fn revision() -> Result<String> {
    let commit = git(&["rev-parse", "--short=12", "HEAD"], &[])?;
    let changed = git(&["status", "--porcelain", "--"], MEASURED)?;
    let mark = if changed.trim().is_empty() { "" } else { "+" };
    Ok(format!("{}{mark}", commit.trim()))
}

fn git(args: &[&str], paths: &[&str]) -> Result<String> {
    output(
        Command::new("git")
            .args(args)
            .args(paths)
            .current_dir(root()),
    )
}

fn missing(rows: &str, page: &str) -> Vec<String> {
    let absent = |id: &&str| !id.is_empty() && !page.contains(&format!("\n| `{id}` |"));
    let absent = rows.lines().map(str::trim).filter(absent);
    absent.map(|id| format!("row {id} is missing")).collect()
}

/// What was measured, and the commits the page names for it.
fn measured(page: &str) -> [(&'static str, Option<String>); 2] {
    let named = |start: &str, end: &str| {
        let line = page.lines().find_map(|l| l.strip_prefix(start))?;
        let (commit, rest) = line.split_once('`')?;
        rest.contains(end).then(|| commit.to_owned())
    };
    [
        ("the release build", named("* commit: `", "release")),
        ("the image", named("* image of commit `", "")),
    ]
}

#[cfg(test)]
mod tests {
    use super::{measured, missing};

    const PAGE: &str = "* commit: `0123abcd0123` (release build)\n\n| row |\n| `floor` | x |\n";

    #[test]
    fn a_missing_row_is_named() {
        assert!(missing("floor\n", PAGE).is_empty());
        assert_eq!(missing("floor\nother\n", PAGE), ["row other is missing"]);
    }

    #[test]
    fn the_commit_is_that_of_a_release_build_and_the_image_has_its_own() {
        let commits = |page: &str| measured(page).map(|(_, commit)| commit);
        let (bench, image) = ("0123abcd0123".to_owned(), "4567".to_owned());
        let page = format!("{PAGE}\n* image of commit `4567`\n");
        assert_eq!(commits(&page), [Some(bench), Some(image.clone())]);
        let debug = page.replace("release", "debug");
        assert_eq!(commits(&debug), [None, Some(image)]);
        assert_eq!(commits(""), [None, None]);
    }
}
