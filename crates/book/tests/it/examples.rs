//! Blocks of `toml` are configurations the worker reads: no broken line, no key it does not know.
//!
//! Not for whether one is complete: an example shows a section.

use config::{Config, ConfigError};

use crate::pages::Read;

/// Fails with every line that is broken and every key the worker does not know.
pub(crate) fn page(read: &Read) {
    let mut wrong = Vec::new();
    for (line, text) in all(read) {
        let why = match Config::parse(text, true, &|_| Some("1".to_owned())) {
            Err(error @ ConfigError::Syntax { .. }) => vec![error.to_string()],
            Err(ConfigError::Invalid(problems)) => {
                let problems = problems.iter().map(ToString::to_string);
                problems
                    .filter(|p| p.contains("is not a key of this worker"))
                    .collect()
            }
            _ => Vec::new(),
        };
        wrong.extend(
            why.into_iter()
                .map(|why| format!("{}:{line}: {why}", read.path)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The examples of a page, with their lines.
pub(crate) fn all(read: &Read) -> Vec<(usize, &str)> {
    let blocks = read.page.blocks.iter().filter(|b| b.language() == "toml");
    blocks.map(|b| (b.line, b.text.as_str())).collect()
}
