//! The pages: README.md and everything below docs/.

use std::path::Path;
use std::sync::Arc;

use book::{Page, Shell};

/// A page and where it is.
#[derive(Clone)]
pub(crate) struct Read {
    /// Relative to the repository.
    pub(crate) path: String,
    pub(crate) page: Arc<Page>,
}

/// All pages, by path.
pub(crate) fn all() -> Vec<Read> {
    let root = testbed::repository();
    let mut paths = vec![root.join("README.md")];
    below(&root.join("docs"), &mut paths);
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let short = path.strip_prefix(&root).unwrap_or(path);
        Read {
            path: short.display().to_string(),
            page: Arc::new(book::read(&text)),
        }
    };
    paths.iter().map(read).collect()
}

fn below(dir: &Path, paths: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("docs is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            below(&path, paths);
        } else if path.extension().is_some_and(|e| e == "md") {
            paths.push(path);
        }
    }
}

impl Read {
    /// The blocks to run: line and text.
    pub(crate) fn blocks(&self) -> Vec<(usize, &str)> {
        let run = |b: &&book::Block| matches!(b.shell(), Ok(Some(Shell::Run)));
        let blocks = self.page.blocks.iter().filter(run);
        blocks.map(|b| (b.line, b.text.as_str())).collect()
    }

    pub(crate) fn runs(&self) -> bool {
        !self.blocks().is_empty()
    }

    /// Every command line that calls `program`, in a shell block or within a text, with its line.
    pub(crate) fn commands(&self, program: &str) -> Vec<(usize, Vec<String>)> {
        let shells = self.page.blocks.iter().filter(|b| b.language() == "sh");
        let of_blocks = shells.flat_map(|b| {
            let found = book::commands(&b.text, program);
            found.into_iter().map(move |words| (b.line, words))
        });
        let of_spans = self.page.spans.iter().flat_map(|span| {
            let found = book::commands(&span.what, program);
            found.into_iter().map(|words| (span.line, words))
        });
        of_blocks.chain(of_spans).collect()
    }

    pub(crate) fn has_commands(&self) -> bool {
        super::world::PROGRAMS
            .iter()
            .any(|p| !self.commands(p).is_empty())
    }
}
