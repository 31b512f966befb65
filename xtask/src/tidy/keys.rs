//! A key of the configuration that a page speaks of is one the worker has.
//!
//! Not for what a page says about it: docs/configuration-reference.md is written by the worker itself.

use std::collections::BTreeSet;

use crate::run::{Because, Result, root, tracked};

const FILE: &str = "deploy/worker.default.toml";
/// What begins like a section of ours and is a host or a file.
const OTHERS: &[&str] = &[".com", ".io", ".rs", ".toml", ".md", ".sql"];

/// Every key that is none, with its page and line.
pub(crate) fn check() -> Result<Vec<String>> {
    let known = keys(&std::fs::read_to_string(root().join(FILE)).because(FILE)?);
    let mut wrong = Vec::new();
    for path in tracked(|p| p == "README.md" || (p.starts_with("docs/") && p.ends_with(".md")))? {
        let text = std::fs::read_to_string(root().join(&path)).because(&path)?;
        for span in book::read(&text).spans {
            if !is_known(&span.what, &known) {
                wrong.push(format!(
                    "{path}:{}: {FILE} has no `{}`",
                    span.line, span.what
                ));
            }
        }
    }
    Ok(wrong)
}

/// Keys with their sections, and sections, also those the file only shows as comments.
fn keys(text: &str) -> BTreeSet<String> {
    let (mut keys, mut section) = (BTreeSet::new(), String::new());
    for line in text.lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            name.clone_into(&mut section);
            keys.insert(section.clone());
        } else if let Some((name, _)) = line.split_once(" = ").filter(|(name, _)| is_name(name)) {
            keys.insert(format!("{section}.{name}"));
        }
    }
    keys
}

/// Whether a word is no key with its section, or one there is.
fn is_known(word: &str, known: &BTreeSet<String>) -> bool {
    let Some((section, rest)) = word.split_once('.').filter(|(s, _)| !s.is_empty()) else {
        return true;
    };
    let ours = known.contains(section)
        || known
            .iter()
            .any(|k| k.strip_prefix(section).is_some_and(|r| r.starts_with('.')));
    let looks_like_one =
        ours && rest.split('.').all(is_name) && !OTHERS.iter().any(|end| word.ends_with(end));
    !looks_like_one || known.contains(word)
}

fn is_name(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_is_found() {
        let known = keys(
            "a = 1\n[acme]\nenabled = false\n[acme.route53]\nregion = \"\"\n# [log.x]\n# rate = 1\n# Some words = more.\n",
        );
        for good in [
            "acme.enabled",
            "acme.route53",
            "acme.route53.region",
            "log.x.rate",
            "acme.com",
            "vault.url",
            "acme",
            "acme.Order",
            ".stack",
        ] {
            assert!(is_known(good, &known), "{good}");
        }
        for bad in ["acme.enable", "acme.route53.regions", "log.rate"] {
            assert!(!is_known(bad, &known), "{bad}");
        }
    }
}
