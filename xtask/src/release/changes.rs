//! The changelog: one file for each change below `docs/changes/unreleased`, put together when a version is released.
//!
//! A file's name says the kind and a word or two, `added-takeover.md`; its text is what an operator reads. Not for what the
//! services' differences mean: `manifest`.

use std::path::{Path, PathBuf};

use crate::run::{Because, Failure, Result};

/// Where changes wait, below the root.
pub(crate) const UNRELEASED: &str = "docs/changes/unreleased";

/// Kinds by the beginning of the name, in the order of the notes.
const KINDS: [(&str, &str); 5] = [
    ("security", "Security"),
    ("removed", "Removed"),
    ("changed", "Changed"),
    ("added", "Added"),
    ("fixed", "Fixed"),
];

/// A change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) file: PathBuf,
    kind: usize,
    text: String,
}

/// Every change that waits, by kind and name; none after a release, which leaves no folder that git would keep.
///
/// # Errors
/// All names and texts that are not as they should be, in one.
pub(crate) fn entries(dir: &Path) -> Result<Vec<Entry>> {
    let listed = match std::fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.because(dir.display())?,
    };
    let mut files: Vec<PathBuf> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    let mut entries = Vec::new();
    let mut wrong = Vec::new();
    for file in files {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&file).because(file.display())?;
        match entry(&name, &text) {
            Ok((kind, text)) => entries.push(Entry { file, kind, text }),
            Err(why) => wrong.push(format!("{UNRELEASED}/{name}: {why}")),
        }
    }
    if !wrong.is_empty() {
        return Err(Failure(wrong.join("\n")));
    }
    entries.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.file.cmp(&b.file)));
    Ok(entries)
}

fn entry(name: &str, text: &str) -> std::result::Result<(usize, String), String> {
    let kinds = || KINDS.map(|(kind, _)| format!("{kind}-….md")).join(", ");
    let rest = name.strip_suffix(".md").and_then(|n| n.split_once('-'));
    let kind = rest.and_then(|(kind, word)| {
        let known = KINDS.iter().position(|(k, _)| *k == kind)?;
        (!word.is_empty()).then_some(known)
    });
    let kind = kind.ok_or_else(|| format!("its name must be one of {}", kinds()))?;
    let text = text.trim();
    if text.is_empty() {
        return Err("it says nothing".to_owned());
    }
    if text.starts_with(['#', '-', '*']) {
        return Err(
            "it is a paragraph, which becomes an item of a list; no heading and no list of its own"
                .to_owned(),
        );
    }
    Ok((kind, text.to_owned()))
}

/// The notes of a version, without the chapter on work in flight.
pub(crate) fn notes(version: &str, date: &str, revision: &str, entries: &[Entry]) -> String {
    let mut out = format!("# {version}\n\nOf {date}, commit `{revision}`.\n");
    for (number, (_, title)) in KINDS.iter().enumerate() {
        let of_kind: Vec<&Entry> = entries.iter().filter(|e| e.kind == number).collect();
        if of_kind.is_empty() {
            continue;
        }
        out.push_str(&format!("\n## {title}\n\n"));
        for entry in of_kind {
            out.push_str(&format!("- {}\n", entry.text.replace('\n', "\n  ")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Vec<Entry> {
        let all = files.iter().map(|(name, text)| {
            let (kind, text) = entry(name, text).expect("good");
            Entry {
                file: PathBuf::from(name),
                kind,
                text,
            }
        });
        all.collect()
    }

    #[test]
    fn notes_are_grouped_by_kind() {
        let text = notes(
            "1.2.0",
            "2026-11-27",
            "abc",
            &of(&[("added-a.md", "One\nmore.\n"), ("security-b.md", "Two.")]),
        );
        assert_eq!(
            text,
            "# 1.2.0\n\nOf 2026-11-27, commit `abc`.\n\n## Security\n\n- Two.\n\n## Added\n\n- One\n  more.\n"
        );
    }

    #[test]
    fn a_wrong_name_or_an_empty_text_is_named() {
        for (name, text) in [
            ("a.md", "Text."),
            ("new-a.md", "Text."),
            ("added-.md", "Text."),
            ("added-a.txt", "Text."),
            ("added-a.md", " \n"),
            ("added-a.md", "# Heading"),
        ] {
            assert!(entry(name, text).is_err(), "{name}: {text}");
        }
    }

    #[test]
    fn a_folder_that_a_release_has_emptied_is_no_problem() {
        let dir = std::env::temp_dir().join(format!("xtask-no-changes-{}", std::process::id()));
        assert_eq!(entries(&dir).map_err(|e| e.0), Ok(Vec::new()));
    }
}
