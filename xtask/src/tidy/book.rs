//! The book in docs/: every page is in its summary, links and anchors lead somewhere within it, every code block has a
//! language, every shell block is run or says why not, and `cargo xtask` has the verbs it speaks of.
//!
//! Not for running the blocks: that is the test of crate `book`, which judges the verbs of `worker` and `ctl` too.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use book::Page;
use clap::CommandFactory as _;

use crate::run::{Because, Result, root, tracked};

const BOOK: &str = "docs/";
const SUMMARY: &str = "docs/SUMMARY.md";
/// No pages: a release makes its changelog of them.
const CHANGES: &str = "docs/changes/";

/// Everything that breaks a rule, one line each.
pub(crate) fn check() -> Result<Vec<String>> {
    let mut pages = BTreeMap::new();
    let mut wrong = Vec::new();
    for path in tracked(|p| p.ends_with(".md"))? {
        let text = std::fs::read_to_string(root().join(&path)).because(&path)?;
        wrong.extend(fences(&path, &text));
        pages.insert(path, book::read(&text));
    }
    wrong.extend(summary(&pages));
    for (path, page) in &pages {
        let links = page.links.iter().filter_map(|link| {
            let why = leads_nowhere(path, &link.what, &pages, |p| root().join(p).exists())?;
            Some(format!(
                "{path}:{}: the link to {} {why}",
                link.line, link.what
            ))
        });
        wrong.extend(links);
        if path.starts_with(BOOK) || path == "README.md" {
            wrong.extend(blocks(path, page));
            wrong.extend(verbs(path, page));
        }
        if path.starts_with(BOOK) {
            let html = page.html.iter().map(|html| {
                format!(
                    "{path}:{}: `{}` would be taken for HTML: set it as code",
                    html.line, html.what
                )
            });
            wrong.extend(html);
        }
    }
    Ok(wrong)
}

/// The summary names every page, and each once.
fn summary(pages: &BTreeMap<String, Page>) -> Vec<String> {
    let Some(summary) = pages.get(SUMMARY) else {
        return vec![format!("there is no {SUMMARY}")];
    };
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for link in &summary.links {
        if let Some(path) = resolved(SUMMARY, &link.what) {
            *named.entry(path).or_default() += 1;
        }
    }
    let absent = pages
        .keys()
        .filter(|path| path.starts_with(BOOK) && !path.starts_with(CHANGES) && *path != SUMMARY)
        .filter(|path| !named.contains_key(*path));
    let absent = absent.map(|path| format!("{path} is not in {SUMMARY}"));
    let twice = named.iter().filter(|(_, times)| **times > 1);
    absent
        .chain(twice.map(|(path, _)| format!("{SUMMARY} names {path} more than once")))
        .collect()
}

/// Why a link leads nowhere, or out of the book. What is on the web is not looked at.
fn leads_nowhere(
    from: &str,
    target: &str,
    pages: &BTreeMap<String, Page>,
    exists: impl Fn(&str) -> bool,
) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, part) = target
        .split_once('#')
        .map_or((target, None), |(file, part)| (file, Some(part)));
    let to = if file.is_empty() {
        Some(from.to_owned())
    } else {
        resolved(from, file)
    };
    let Some(to) = to.filter(|to| pages.contains_key(to) || exists(to)) else {
        return Some("leads nowhere".to_owned());
    };
    if from.starts_with(BOOK) && !to.starts_with(BOOK) {
        return Some("leads out of the book: name the file instead".to_owned());
    }
    match (pages.get(&to), part) {
        (Some(page), Some(part)) if !page.anchors.contains(part) => {
            Some(format!("finds no heading #{part}"))
        }
        (None, _) if root().join(&to).is_dir() => Some("leads to a folder: name a page".to_owned()),
        _ => None,
    }
}

/// A target as a path from the root of the repository.
fn resolved(from: &str, target: &str) -> Option<String> {
    let mut path = PathBuf::from(from);
    path.pop();
    for part in Path::new(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    path.to_str().map(str::to_owned)
}

/// A fence with a backtick behind it is none, and turns the page inside out from there on.
fn fences(path: &str, text: &str) -> Vec<String> {
    let none = |line: &str| {
        let fence = line.trim_start().strip_prefix("```");
        fence.is_some_and(|info| info.trim_start_matches('`').contains('`'))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| none(line));
    lines
        .map(|(number, _)| {
            format!(
                "{path}:{}: what is behind a fence has no backtick",
                number + 1
            )
        })
        .collect()
}

fn blocks(path: &str, page: &Page) -> Vec<String> {
    let wrong = page.blocks.iter().filter_map(|block| {
        let why = match block.shell() {
            Err(why) => why,
            Ok(None) if block.info.is_empty() => {
                "say the language of this block; `text` for none".to_owned()
            }
            Ok(_) => return None,
        };
        Some(format!("{path}:{}: {why}", block.line))
    });
    wrong.collect()
}

/// `cargo xtask` has every verb and option the page speaks of.
fn verbs(path: &str, page: &Page) -> Vec<String> {
    let program = crate::Args::command();
    let shells = page
        .blocks
        .iter()
        .filter(|b| b.language() == "sh")
        .map(|b| (b.line, &b.text));
    let texts = shells.chain(page.spans.iter().map(|span| (span.line, &span.what)));
    let mut wrong = Vec::new();
    for (line, text) in texts {
        for words in book::commands(text, "cargo")
            .iter()
            .filter(|words| words.first().is_some_and(|w| w == "xtask"))
        {
            let Some(name) = words
                .get(1)
                .filter(|w| w.starts_with(|c: char| c.is_ascii_lowercase()))
            else {
                continue;
            };
            // `cargo xtask test|verify`: either
            for name in name.split('|') {
                let Some(verb) = program.find_subcommand(name) else {
                    wrong.push(format!("{path}:{line}: there is no `cargo xtask {name}`"));
                    continue;
                };
                if verb.get_arguments().any(clap::Arg::is_trailing_var_arg_set) {
                    continue;
                }
                let known = |option: &str| {
                    verb.get_arguments()
                        .any(|a| a.get_long() == option.strip_prefix("--"))
                };
                let unknown = book::options(&words[2..]).filter(|option| !known(option));
                wrong.extend(unknown.map(|option| {
                    format!("{path}:{line}: `cargo xtask {name}` has no `{option}`")
                }));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(of: &[(&str, &str)]) -> BTreeMap<String, Page> {
        of.iter()
            .map(|(path, text)| ((*path).to_owned(), book::read(text)))
            .collect()
    }

    #[test]
    fn every_page_is_in_the_summary_once() {
        let pages = pages(&[
            (SUMMARY, "- [A](a.md)\n- [A again](./a.md)\n"),
            ("docs/a.md", ""),
            ("docs/errors/b.md", ""),
            ("README.md", ""),
        ]);
        let wanted = [
            "docs/errors/b.md is not in docs/SUMMARY.md",
            "docs/SUMMARY.md names docs/a.md more than once",
        ];
        assert_eq!(summary(&pages), wanted);
    }

    #[test]
    fn links_lead_to_a_page_and_a_heading_of_the_book() {
        let pages = pages(&[
            ("docs/a.md", "# One\n"),
            ("docs/errors/b.md", ""),
            ("README.md", "# Two\n"),
        ]);
        let judge =
            |from: &str, to: &str| leads_nowhere(from, to, &pages, |p| p == "deploy/x.yaml");
        for good in ["../a.md#one", "../a.md", "https://example.com/x#y", "b.md"] {
            assert_eq!(judge("docs/errors/b.md", good), None, "{good}");
        }
        assert_eq!(judge("README.md", "docs/a.md#one"), None);
        for bad in [
            "c.md",
            "../a.md#two",
            "../../README.md",
            "../../deploy/x.yaml",
            "../../../x",
            "/a.md",
        ] {
            assert!(judge("docs/errors/b.md", bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn blocks_have_a_language_and_shells_are_run_or_say_why_not() {
        let page = book::read("```\nx\n```\n```sh,norun\nx\n```\n```text\nx\n```\n```sh\nx\n```\n");
        let lines: Vec<String> = blocks("p.md", &page)
            .iter()
            .map(|w| w.chars().take(6).collect())
            .collect();
        assert_eq!(lines, ["p.md:1", "p.md:4"]);
    }

    #[test]
    fn a_fence_with_a_backtick_behind_it_is_named() {
        let text = "```sh\nx\n```\n   ```sh,norun `ctl` does it\nx\n   ```\n";
        assert_eq!(
            fences("p.md", text),
            ["p.md:4: what is behind a fence has no backtick"]
        );
    }

    #[test]
    fn verbs_of_xtask_are_known() {
        let judge = |text: &str| verbs("p.md", &book::read(text));
        assert!(
            judge(
                "`cargo xtask bench --check`, `cargo xtask test -p deploy`, `cargo xtask <verb>`"
            )
            .is_empty()
        );
        assert_eq!(judge("`cargo xtask bench --chek`").len(), 1);
        assert_eq!(judge("```sh\nX=1 cargo xtask benhc\n```").len(), 1);
    }
}
