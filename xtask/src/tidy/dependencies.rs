//! Who may depend on whom, as docs/architecture.md states it, on cargo's own view of the workspace.
//!
//! Not for third-party crates as such: deny.toml.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Package};

use crate::run::{Because, Result, metadata, root, tracked};

/// One outside system each; they know nothing of Restate's SDK.
const ADAPTERS: &[&str] = &[
    "acme",
    "analytics",
    "build-log",
    "builder",
    "dns",
    "github",
    "mysql",
    "notify",
    "request-counts",
    "restate-api",
    "route53",
    "vault",
];

/// Programs and helpers of tests; nothing of the product depends on them.
const HARNESSES: &[&str] = &[
    "bench",
    "build-testbed",
    "canary",
    "clickhouse-engine",
    "faults",
    "github-fake",
    "manifests",
    "proof",
    "soak",
    "testbed",
];

/// What a contract crate may use besides `messages`.
const CLIENT_MAY_USE: &[&str] = &["messages", "restate-sdk", "serde", "serde_json"];

/// xtask builds in seconds because it uses nothing else.
const XTASK_MAY_USE: &[&str] = &["book", "cargo_metadata", "clap", "serde_json"];

/// Everything that breaks a rule, one line each.
pub(crate) fn check() -> Result<Vec<String>> {
    let metadata = metadata()?;
    let packages: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .map(|p| (p.name.as_str(), p))
        .collect();
    let names: BTreeSet<&str> = packages.keys().copied().collect();
    // a service is what has a contract crate beside it
    let is_service = |name: &str| names.contains(format!("{name}-client").as_str());
    let mut wrong = Vec::new();
    for (name, package) in &packages {
        for dependency in &package.dependencies {
            let on = dependency.name.as_str();
            let in_tests = dependency.kind == DependencyKind::Development;
            let mut bad = |why: &str| wrong.push(format!("{name} depends on {on}: {why}"));
            if is_service(name) && is_service(on) {
                bad("a service knows other services by their client crates only");
            }
            if name.ends_with("-client") && !in_tests && !CLIENT_MAY_USE.contains(&on) {
                bad("a contract crate holds messages and the SDK, nothing else");
            }
            if ADAPTERS.contains(name)
                && !in_tests
                && (on == "restate-sdk"
                    || on == "durable"
                    || on.ends_with("-client")
                    || is_service(on))
            {
                bad("an adapter knows one outside system and nothing of Restate's SDK");
            }
            if HARNESSES.contains(&on) && !in_tests && !HARNESSES.contains(name) {
                bad("the harnesses are for tests only");
            }
            if *name == "xtask" && !XTASK_MAY_USE.contains(&on) {
                bad("xtask starts other programs instead");
            }
            // the book's test is both programs, to run what the pages say
            let runs_the_book = *name == "book" && in_tests;
            if names.contains(on)
                && matches!(on, "worker" | "ctl" | "xtask")
                && !HARNESSES.contains(name)
                && !runs_the_book
            {
                bad("nothing depends on a program");
            }
        }
    }
    wrong.extend(versions()?);
    Ok(wrong)
}

/// Versions and features of dependencies are written in the root manifest only.
fn versions() -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for path in tracked(|p| p.ends_with("/Cargo.toml"))? {
        let text = std::fs::read_to_string(root().join(&path)).because(&path)?;
        let mut in_dependencies = false;
        for line in text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
        {
            if line.starts_with('[') {
                in_dependencies = line.trim_matches(['[', ']']).ends_with("dependencies");
            } else if in_dependencies && !is_inherited(line) {
                wrong.push(format!(
                    "{path}: `{line}`: say `workspace = true` and nothing more"
                ));
            }
        }
    }
    Ok(wrong)
}

fn is_inherited(line: &str) -> bool {
    let plain: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    let Some((name, value)) = plain.split_once('=') else {
        return false;
    };
    let optional = |v: &str| v == "{workspace=true}" || v == "{workspace=true,optional=true}";
    (name.ends_with(".workspace") && value == "true") || optional(value)
}

#[cfg(test)]
mod tests {
    use super::is_inherited;

    #[test]
    fn only_inherited_dependencies_pass() {
        for good in [
            "serde.workspace = true",
            "acme2 = { workspace = true, optional = true }",
        ] {
            assert!(is_inherited(good), "{good}");
        }
        for bad in [
            "serde = \"1\"",
            "serde = { workspace = true, features = [\"derive\"] }",
        ] {
            assert!(!is_inherited(bad), "{bad}");
        }
    }
}
