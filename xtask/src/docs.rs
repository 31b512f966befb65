//! `cargo xtask docs`: docs/services.md, written from the manifest that the worker serves, and
//! docs/configuration-reference.md, which the worker writes itself.
//!
//! Not for pages that people write.

use std::fmt::Write as _;

use serde_json::Value;

use crate::run::{Because, Failure, Result, cargo, output, root};

const SERVICES: &str = "docs/services.md";
const REFERENCE: &str = "docs/configuration-reference.md";

const HEAD: &str = "\
# Services

Written by `cargo xtask docs` from `worker manifest`; do not edit. `cargo xtask tidy` fails when the worker serves
something else. Name, key, kinds and the sentence come from `proto/`; retries, timeouts and retention from
`bin/worker/src/services.rs`.
";

/// Writes both pages, or only compares.
pub(crate) fn run(check_only: bool) -> Result<()> {
    let manifest = serde_json::from_str(&worker(&["manifest"])?).because("worker manifest")?;
    let pages = [
        (SERVICES, page(&manifest)),
        (REFERENCE, worker(&["check-config", "--reference"])?),
    ];
    let mut drifted = Vec::new();
    for (name, text) in pages {
        let path = root().join(name);
        if std::fs::read_to_string(&path).is_ok_and(|committed| committed == text) {
            continue;
        }
        if check_only {
            drifted.push(name);
        } else {
            std::fs::write(&path, text).because(name)?;
        }
    }
    if drifted.is_empty() {
        return Ok(());
    }
    Err(Failure(format!(
        "{} not what the worker says: run `cargo xtask docs`",
        drifted.join(" and ")
    )))
}

fn worker(args: &[&str]) -> Result<String> {
    let mut command = cargo(&["run", "--quiet", "--package", "worker", "--"]);
    output(command.args(args))
}

fn page(manifest: &Value) -> String {
    let services = list(manifest, "services");
    let mut out = HEAD.to_owned();
    out.push_str("\n## Who may call, and by which key\n\n");
    out.push_str("| service | kind | key | HTTP ingress |\n|---|---|---|---|\n");
    for service in services {
        let (docs, private) = (text(service, "documentation"), flag(service));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            text(service, "name"),
            kind(service),
            key(&docs).unwrap_or("none"),
            if private { "refused" } else { "allowed" }
        );
    }
    out.push_str("\n## How Restate treats a failing or waiting invocation\n\n");
    out.push_str("| service | retries | then | suspended after | aborted after | journal kept | idempotency kept |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    for service in services {
        let _ = writeln!(out, "| {} |", policy(service).join(" | "));
    }
    for service in services {
        let _ = write!(
            out,
            "\n## {}\n\n{}\n\n",
            text(service, "name"),
            text(service, "documentation")
        );
        out.push_str("| handler | runs | what it does |\n|---|---|---|\n");
        for handler in list(service, "handlers") {
            let private = if flag(handler) { ", private" } else { "" };
            let _ = writeln!(
                out,
                "| {} | {}{private} | {} |",
                text(handler, "name"),
                runs(service, handler),
                text(handler, "documentation")
            );
        }
    }
    out
}

/// One row: name, retries, timeouts, retention. What a service leaves open is Restate's default.
fn policy(service: &Value) -> Vec<String> {
    let time = |field: &str| match service[field].as_u64() {
        Some(ms) => duration(ms),
        None => "server default".to_owned(),
    };
    let retries = match service["retryPolicyMaxAttempts"].as_u64() {
        Some(attempts) => format!(
            "{attempts} attempts, {} × {} up to {}",
            time("retryPolicyInitialInterval"),
            service["retryPolicyExponentiationFactor"],
            time("retryPolicyMaxInterval")
        ),
        None => "server default".to_owned(),
    };
    let then = match service["retryPolicyOnMaxAttempts"].as_str() {
        Some("PAUSE") => "paused",
        Some("KILL") => "killed",
        _ => "server default",
    };
    vec![
        text(service, "name"),
        retries,
        then.to_owned(),
        time("inactivityTimeout"),
        time("abortTimeout"),
        time("journalRetention"),
        time("idempotencyRetention"),
    ]
}

/// The rest of the sentence that begins with `Key:`.
fn key(docs: &str) -> Option<&str> {
    let (_, rest) = docs.split_once("Key: ")?;
    let end = rest.find(". ").unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches('.'))
}

fn kind(service: &Value) -> &str {
    match service["ty"].as_str() {
        Some("VIRTUAL_OBJECT") => "object",
        Some("WORKFLOW") => "workflow",
        _ => "service",
    }
}

/// A manifest leaves out what is most usual for the service's kind.
fn runs(service: &Value, handler: &Value) -> &'static str {
    match (kind(service), handler["ty"].as_str()) {
        ("service", _) => "side by side",
        (_, Some("SHARED")) => "shared",
        (_, Some("WORKFLOW")) => "once per key",
        _ => "exclusive",
    }
}

fn duration(ms: u64) -> String {
    let units = [(3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    match units
        .iter()
        .find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit))
    {
        Some((unit, name)) => format!("{} {name}", ms / unit),
        None => format!("{ms} ms"),
    }
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// A text in one line.
fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().replace('\n', " ")
}

fn flag(value: &Value) -> bool {
    value["ingressPrivate"] == true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_sentence_that_says_so() {
        assert_eq!(key("Moves. Key: project id."), Some("project id"));
        assert_eq!(
            key("Key: any id (one of ours). All share."),
            Some("any id (one of ours)")
        );
        assert_eq!(key("Reads a document."), None);
    }

    #[test]
    fn what_a_manifest_leaves_out_is_said() {
        let manifest = serde_json::json!({ "services": [{
            "name": "a.B", "ty": "VIRTUAL_OBJECT", "documentation": "Does.\nKey: row id.", "ingressPrivate": true,
            "abortTimeout": 120_000, "handlers": [{ "name": "C" }, { "name": "D", "ty": "SHARED" }],
        }] });
        let page = page(&manifest);
        for line in [
            "| a.B | object | row id | refused |",
            "| a.B | server default | server default | server default | 2 min | server default | server default |",
            "| C | exclusive |  |",
            "| D | shared |  |",
        ] {
            assert!(page.lines().any(|l| l == line), "no {line} in {page}");
        }
    }

    #[test]
    fn durations_have_the_largest_whole_unit() {
        let shown = [500, 2_000, 90_000, 120_000, 86_400_000].map(duration);
        assert_eq!(shown, ["500 ms", "2 s", "90 s", "2 min", "24 h"]);
    }
}
