//! Size and opening of source files, words that do not belong here.
//!
//! Not for what the text says.

use crate::run::{Because, Result, root, tracked};

/// Longest source file, in lines.
const LONGEST: usize = 400;

/// Longer files, each with its reason.
const LONGER: &[(&str, &str)] = &[];

/// Unfinished work and paths of one person's machine.
const WORDS: &[&str] = &[
    "TODO",
    "FIXME",
    "todo!(",
    "unimplemented!(",
    "#[ignore",
    "/home/",
    "/root/",
];

/// Everything that breaks a rule, one line each.
pub(crate) fn check() -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let texts = tracked(|p| {
        [".rs", ".md", ".toml", ".proto", ".sh", ".yaml", ".yml"]
            .iter()
            .any(|e| p.ends_with(e))
            || p == "justfile"
            || p == ".ci/run"
    })?;
    for path in texts {
        let text = std::fs::read_to_string(root().join(&path)).because(&path)?;
        if path.ends_with(".rs") {
            wrong.extend(source(&path, &text));
        }
        // this very list
        if path != "xtask/src/tidy/files.rs" {
            wrong.extend(words(&path, &text));
        }
    }
    for (path, reason) in LONGER {
        let lines = std::fs::read_to_string(root().join(path)).map_or(0, |t| t.lines().count());
        if lines <= LONGEST {
            wrong.push(format!(
                "{path} is no longer over {LONGEST} lines (\"{reason}\"): unlist it"
            ));
        }
    }
    Ok(wrong)
}

fn source(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines = text.lines().count();
    let generated = path.ends_with("/generated.rs");
    if lines > LONGEST && !generated && !LONGER.iter().any(|(listed, _)| *listed == path) {
        wrong.push(format!(
            "{path} has {lines} lines, {LONGEST} are the most: divide it"
        ));
    }
    let first = text
        .lines()
        .find(|l| !l.trim().is_empty() && !l.starts_with("#!"));
    let opened = first.is_some_and(|l| l.starts_with("//!") || (generated && l.starts_with("//")));
    if !opened {
        wrong.push(format!(
            "{path} does not open with `//!` and what it is for"
        ));
    }
    wrong
}

fn words(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in WORDS.iter().filter(|word| line.contains(**word)) {
            wrong.push(format!(
                "{path}:{}: `{word}` does not belong here",
                number + 1
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_file_opens_with_its_purpose_and_is_short() {
        assert!(source("a.rs", "//! For this.\nfn a() {}\n").is_empty());
        assert!(source("a.rs", "#![allow(x)]\n//! For this.\n").is_empty());
        assert_eq!(source("a.rs", "fn a() {}\n").len(), 1);
        assert_eq!(
            source("a.rs", &format!("//! x\n{}", "\n".repeat(LONGEST))).len(),
            1
        );
    }

    #[test]
    fn unfinished_work_is_found_with_its_line() {
        assert_eq!(
            words("a.md", "fine\nTODO later\n"),
            ["a.md:2: `TODO` does not belong here"]
        );
    }
}
