//! `cargo xtask book`: docs/ as a book, rendered by mdBook.
//!
//! Not for what a page must keep to: that is `cargo xtask tidy`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{Because, Failure, Result, root, target_dir};
use crate::setup;

/// Renders the book into the build directory; a warning of mdBook is a failure, and so is a link that leads nowhere.
pub(crate) fn build() -> Result<()> {
    let program = setup::mdbook()?;
    let to = target_dir()?.join("book");
    if to.exists() {
        std::fs::remove_dir_all(&to).because(to.display())?;
    }
    let mut mdbook = Command::new(program);
    mdbook.arg("build").arg("--dest-dir").arg(&to).arg(root());
    // it says what is wrong on its standard error and ends well all the same
    let told = mdbook.stdin(Stdio::null()).output().because("mdbook")?;
    let words = String::from_utf8_lossy(&told.stderr);
    if !told.status.success() || words.contains("WARN") || words.contains("ERROR") {
        return Err(Failure(format!(
            "mdbook build: {}\n{}",
            told.status,
            words.trim()
        )));
    }
    let mut pages = BTreeMap::new();
    read(&to, &mut pages)?;
    let (links, lost) = followed(&pages);
    if !lost.is_empty() {
        return Err(Failure(format!(
            "rendered links lead nowhere:\n  {}",
            lost.join("\n  ")
        )));
    }
    let index = to.join("index.html");
    println!("the book: {}, {links} links", index.display());
    Ok(())
}

/// Every page of HTML below a folder.
fn read(dir: &Path, pages: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in std::fs::read_dir(dir).because(dir.display())? {
        let path = entry.because(dir.display())?.path();
        if path.is_dir() {
            read(&path, pages)?;
        } else if path.extension().is_some_and(|e| e == "html") {
            let text = std::fs::read_to_string(&path).because(path.display())?;
            pages.insert(path, text);
        }
    }
    Ok(())
}

/// How many links within the book there are, and which of them find no page or no place on it.
fn followed(pages: &BTreeMap<PathBuf, String>) -> (usize, Vec<String>) {
    let (mut links, mut lost) = (0, Vec::new());
    for (page, text) in pages {
        // around it are menus of mdBook's own, and one page repeats all others
        let body = text
            .split("<main>")
            .nth(1)
            .and_then(|rest| rest.split("</main>").next());
        let body = body
            .filter(|_| !page.ends_with("print.html"))
            .unwrap_or_default();
        for piece in body.split("href=\"").skip(1) {
            let target = piece.split('"').next().unwrap_or_default();
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (file, place) = target.split_once('#').unwrap_or((target, ""));
            let to = if file.is_empty() {
                page.clone()
            } else {
                beside(page, file)
            };
            let found = pages
                .get(&to)
                .is_some_and(|text| place.is_empty() || text.contains(&format!("id=\"{place}\"")));
            if !found {
                lost.push(format!("{}: {target}", page.display()));
            }
        }
    }
    (links, lost)
}

/// A file as a page names it.
fn beside(page: &Path, file: &str) -> PathBuf {
    let mut path = page.to_owned();
    path.pop();
    for part in file.split('/') {
        match part {
            ".." => drop(path.pop()),
            "." | "" => {}
            name => path.push(name),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_rendered_book_are_followed() {
        let page = |path: &str, body: &str| {
            (
                PathBuf::from(path),
                format!("<a href=\"x\"><main>{body}</main>"),
            )
        };
        let good = r##"<h2 id="one"></h2><a href="#one"></a><a href="errors/b.html"></a><a href="https://x.test/"></a>"##;
        let bad =
            r#"<a href="../a.html#one"></a><a href="../a.html#two"></a><a href="README.html"></a>"#;
        let pages = BTreeMap::from([page("a.html", good), page("errors/b.html", bad)]);
        let (links, lost) = followed(&pages);
        assert_eq!((links, lost.len()), (5, 2), "{lost:?}");
    }
}
