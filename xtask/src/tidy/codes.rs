//! Every error code has a page, and every page a code.
//!
//! Not for what the pages say.

use std::collections::BTreeSet;

use crate::run::{Because, Result, root};

const LIST: &str = "crates/durable/src/codes.rs";
const PAGES: &str = "docs/errors";

/// Everything that is missing on either side.
pub(crate) fn check() -> Result<Vec<String>> {
    let list = std::fs::read_to_string(root().join(LIST)).because(LIST)?;
    let codes: BTreeSet<&str> = list.split('"').filter(|word| is_code(word)).collect();
    let mut pages = BTreeSet::new();
    for entry in std::fs::read_dir(root().join(PAGES)).because(PAGES)? {
        let name = entry
            .because(PAGES)?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if let Some(code) = name
            .strip_suffix(".md")
            .filter(|code| code.starts_with("CW"))
        {
            pages.insert(code.to_owned());
        }
    }
    let mut wrong = Vec::new();
    if codes.is_empty() {
        wrong.push(format!("{LIST} holds no code"));
    }
    for code in &codes {
        if !pages.contains(*code) {
            wrong.push(format!("{code} has no page {PAGES}/{code}.md"));
        }
    }
    for page in pages.iter().filter(|page| !codes.contains(page.as_str())) {
        wrong.push(format!(
            "{PAGES}/{page}.md explains a code that {LIST} does not have"
        ));
    }
    Ok(wrong)
}

fn is_code(word: &str) -> bool {
    word.strip_prefix("CW")
        .is_some_and(|n| n.len() == 4 && n.bytes().all(|b| b.is_ascii_digit()))
}
