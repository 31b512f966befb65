//! A page of the book as its checks see it: code blocks, links, anchors, words set as code.
//!
//! Says what is on a page and which shell block is run by a test; `cargo xtask tidy` judges the rest, and this crate's test
//! runs the blocks. Not for rendering: that is mdBook's.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

pub use words::{commands, options};

/// What is on a page.
#[derive(Debug, Default)]
pub struct Page {
    /// Code blocks, in their order.
    pub blocks: Vec<Block>,
    /// Targets of links and pictures, as written.
    pub links: Vec<At<String>>,
    /// Words set as code within a text.
    pub spans: Vec<At<String>>,
    /// HTML other than comments.
    pub html: Vec<At<String>>,
    /// What a link to a part of this page can name.
    pub anchors: BTreeSet<String>,
}

/// Something and the line it begins on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// The line.
    pub line: usize,
    /// What is there.
    pub what: T,
}

/// A fenced or indented code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line of its fence.
    pub line: usize,
    /// What follows the fence: the language, and for a shell block that is not run the reason.
    pub info: String,
    /// Its lines.
    pub text: String,
}

/// What becomes of a shell block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell<'a> {
    /// A test runs it and expects exit code 0.
    Run,
    /// It is only shown, for this reason.
    Shown(&'a str),
}

impl Block {
    /// The word before the first blank or comma.
    pub fn language(&self) -> &str {
        self.info.split([' ', ',']).next().unwrap_or_default()
    }

    /// For a shell block: whether it is run.
    ///
    /// # Errors
    /// Another name for a shell, or a block that is not run and does not say why.
    pub fn shell(&self) -> Result<Option<Shell<'_>>, String> {
        let (tag, reason) = self.info.split_once(' ').unwrap_or((&self.info, ""));
        match (tag, reason.trim()) {
            ("sh", "") => Ok(Some(Shell::Run)),
            ("sh", _) => Err(
                "say `sh` alone for a block that is run, `sh,norun` for one that is not".to_owned(),
            ),
            ("sh,norun", "") => Err("say behind `sh,norun` why no test runs it".to_owned()),
            ("sh,norun", reason) => Ok(Some(Shell::Shown(reason))),
            _ => match self.language() {
                "sh" | "bash" | "shell" | "console" | "zsh" => Err(format!(
                    "`{tag}`: a shell block is `sh`, or `sh,norun` and the reason"
                )),
                _ => Ok(None),
            },
        }
    }
}

/// Reads a page.
pub fn read(text: &str) -> Page {
    let flavour = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut page = Page::default();
    let mut block: Option<Block> = None;
    let mut heading: Option<(Option<String>, String)> = None;
    let mut seen = BTreeMap::new();
    for (event, range) in Parser::new_ext(text, flavour).into_offset_iter() {
        let line = text
            .get(..range.start)
            .unwrap_or_default()
            .matches('\n')
            .count()
            + 1;
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.trim().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some(Block {
                    line,
                    info,
                    text: String::new(),
                });
            }
            Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
            Event::Start(Tag::Heading { id, .. }) => {
                heading = Some((id.map(|id| id.to_string()), String::new()))
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some((id, title)) = heading.take() {
                    page.anchors
                        .insert(id.unwrap_or_else(|| anchor(&title, &mut seen)));
                }
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(At {
                    line,
                    what: dest_url.to_string(),
                });
            }
            Event::Text(words) => {
                if let Some(block) = &mut block {
                    block.text.push_str(&words);
                } else if let Some((_, title)) = &mut heading {
                    title.push_str(&words);
                }
            }
            Event::Code(words) => {
                if let Some((_, title)) = &mut heading {
                    title.push_str(&words);
                }
                page.spans.push(At {
                    line,
                    what: words.to_string(),
                });
            }
            Event::Html(html) | Event::InlineHtml(html)
                if !html.trim_start().starts_with("<!--") =>
            {
                page.html.push(At {
                    line,
                    what: html.trim().to_string(),
                });
            }
            _ => {}
        }
    }
    page
}

/// The anchor mdBook gives a heading: letters, digits, `_` and `-` stay, blanks become `-`; the second of the same name
/// gets a number.
fn anchor(title: &str, seen: &mut BTreeMap<String, usize>) -> String {
    let plain: String = title
        .chars()
        .filter_map(|c| match c {
            c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
            c if c.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect();
    let times = seen.entry(plain.clone()).or_default();
    *times += 1;
    match *times {
        1 => plain,
        again => format!("{plain}-{}", again - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_with_the_lines_of_its_parts() {
        let page = read(
            "# A `b` c\n\nSee [x](y.md#z), `ctl jobs`.\n\n```sh,norun it never ends\nworker serve\n```\n\n<b>no</b>\n<!-- yes -->\n",
        );
        assert!(page.anchors.contains("a-b-c"), "{page:?}");
        assert_eq!(
            page.links,
            [At {
                line: 3,
                what: "y.md#z".to_owned()
            }]
        );
        assert_eq!(
            page.spans[1],
            At {
                line: 3,
                what: "ctl jobs".to_owned()
            }
        );
        assert_eq!(
            (page.blocks[0].line, page.blocks[0].text.as_str()),
            (5, "worker serve\n")
        );
        assert_eq!(page.html.len(), 2, "{:?}", page.html);
    }

    #[test]
    fn anchors_are_those_of_mdbook() {
        let page =
            read("# First, a *thing*\n## `[restate]`\n## Again\n## Again\n## Named {#other}\n");
        let wanted = ["again", "again-1", "first-a-thing", "other", "restate"];
        assert_eq!(
            page.anchors.iter().map(String::as_str).collect::<Vec<_>>(),
            wanted
        );
    }

    #[test]
    fn a_shell_block_is_run_or_says_why_not() {
        let shell = |info: &str| {
            let block = Block {
                line: 1,
                info: info.to_owned(),
                text: String::new(),
            };
            block.shell().map(|shell| shell.map(|s| format!("{s:?}")))
        };
        assert_eq!(shell("sh"), Ok(Some("Run".to_owned())));
        assert_eq!(
            shell("sh,norun needs a cluster"),
            Ok(Some("Shown(\"needs a cluster\")".to_owned()))
        );
        assert_eq!(shell("toml"), Ok(None));
        for bad in [
            "sh,norun",
            "bash",
            "console",
            "sh needs a cluster",
            "sh,run",
        ] {
            assert!(shell(bad).is_err(), "{bad}");
        }
    }
}
