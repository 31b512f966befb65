//! `cargo xtask crash-matrix` and `cargo xtask proof`: builds the harnesses and runs them.
//!
//! Not for what they do: see `crates/proof`, `crates/soak` and docs/proof.md.

use std::time::Instant;

use crate::run::{Failure, Result, cargo, check, root};
use crate::setup;

/// After so many minutes the matrix leaves out what it has shown by another story: 40 for all, less the planted defects
/// (about ten), the model test (six) and the certificates' parts.
const MATRIX_MINUTES: &str = "15";

/// The crash matrix; the words are those of `proof crash-matrix`.
pub(crate) fn matrix(words: &[String]) -> Result<()> {
    setup::servers()?;
    setup::clickhouse()?;
    let mut matrix = cargo(&["run", "--quiet", "--package", "proof", "--", "crash-matrix"]);
    check(matrix.args(words))
}

/// Everything that proves; prints the seconds of each part and goes on after a failure.
pub(crate) fn all() -> Result<()> {
    setup::servers()?;
    setup::clickhouse()?;
    setup::peers::openssl_headers()?;
    check(&mut cargo(&["build", "--package", "proof"]))?;
    let mut parts = vec![
        (
            "crash matrix",
            vec![
                "run",
                "--quiet",
                "--package",
                "proof",
                "--",
                "crash-matrix",
                "--json",
                "--minutes",
                MATRIX_MINUTES,
            ],
        ),
        (
            "planted defects",
            vec!["run", "--quiet", "--package", "proof", "--", "defects"],
        ),
        (
            "Pebble grid",
            vec![
                "test",
                "--package",
                "certificate",
                "--test",
                "it",
                "--",
                "--nocapture",
                "pebble_grid",
            ],
        ),
        ("canary", vec!["run", "--quiet", "--package", "canary"]),
        ("ACME by acme2", second_backend("acme", "acme2")),
        ("Route53 by rusoto", second_backend("route53", "rusoto")),
    ];
    if root().join("crates/soak/Cargo.toml").is_file() {
        let soak = vec![
            "run",
            "--quiet",
            "--package",
            "soak",
            "--",
            "--seed",
            "1",
            "--minutes",
            "5",
        ];
        parts.push(("soak", soak));
    }
    let began = Instant::now();
    let mut failed = Vec::new();
    let mut lines = Vec::new();
    for (name, words) in parts {
        let begin = Instant::now();
        // the tests that have a small size take their full one
        let passed = check(cargo(&words).env("CTRL_PEBBLE_GRID", "all")).is_ok();
        let word = if passed { "passed" } else { "FAILED" };
        lines.push(format!("{name}: {word}, {} s", begin.elapsed().as_secs()));
        if !passed {
            failed.push(name);
        }
    }
    println!(
        "{}\nin all {} s",
        lines.join("\n"),
        began.elapsed().as_secs()
    );
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure(format!("not proven: {}", failed.join(", "))))
    }
}

/// The contract of an adapter with its backend on request, as a table: docs/decisions/0001-acme-and-route53-backends.md.
fn second_backend(package: &'static str, feature: &'static str) -> Vec<&'static str> {
    let words = ["test", "--package", package, "--features", feature];
    let shown = ["--test", "it", "--", "--nocapture", "contract"];
    words.into_iter().chain(shown).collect()
}
