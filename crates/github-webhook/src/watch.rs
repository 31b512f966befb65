//! Watch paths: whether what changed concerns an app. Globs as in `doublestar`: `*` within a directory, `**` across
//! them, `?`, `[a-z]`, `{a,b}`. Pure; no I/O.

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a push changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Files {
    pub(crate) paths: BTreeSet<String>,
    /// Whether these are all.
    pub(crate) complete: bool,
}

/// Whether an app that watches these paths is to be deployed. One that watches nothing always is, and so is one when
/// nobody knows all that changed: a deployment too many does less harm than one that is missing.
pub(crate) fn concerns(patterns: &[String], files: &Files) -> bool {
    if patterns.is_empty() {
        return true;
    }
    let globs: Vec<GlobMatcher> = patterns.iter().filter_map(|p| glob(p)).collect();
    let hit = |path: &String| globs.iter().any(|glob| glob.is_match(path));
    !files.complete || files.paths.iter().any(hit)
}

/// A pattern that is none matches nothing.
fn glob(pattern: &str) -> Option<GlobMatcher> {
    // written as a path of the repository's root
    let pattern = pattern.trim();
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    let glob = GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build();
    match glob {
        Ok(glob) => Some(glob.compile_matcher()),
        Err(error) => {
            tracing::warn!(%error, "a watch path is no pattern and matches nothing");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str], complete: bool) -> Files {
        Files {
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
            complete,
        }
    }

    #[test]
    fn patterns_are_those_of_doublestar() {
        for (pattern, path, matches) in [
            ("src/**", "src/a.rs", true),
            ("src/**", "src/a/b/c.rs", true),
            ("src/**", "docs/x", false),
            ("src/**", "asrc/x", false),
            ("src/*", "src/a.rs", true),
            ("src/*", "src/a/b.rs", false),
            ("**/*.rs", "a.rs", true),
            ("**/*.rs", "a/b/c.rs", true),
            ("*.rs", "a/b.rs", false),
            ("**", "anything/at/all", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("{src,lib}/**", "lib/x", true),
            ("{src,lib}/**", "bin/x", false),
            ("src/[a-c].rs", "src/b.rs", true),
            ("src/[!a-c].rs", "src/b.rs", false),
            ("src/?.rs", "src/ab.rs", false),
            ("Dockerfile", "Dockerfile", true),
            ("dockerfile", "Dockerfile", false),
            ("/src/**", "src/x", true),
            ("./src/**", "src/x", true),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            ("[", "[", false),
            ("{a", "a", false),
        ] {
            let patterns = [pattern.to_owned()];
            assert_eq!(
                concerns(&patterns, &files(&[path], true)),
                matches,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn one_file_and_one_pattern_suffice_and_what_nobody_knows_counts() {
        let patterns = ["[".to_owned(), "docs/**".to_owned(), "src/**".to_owned()];
        assert!(concerns(&patterns, &files(&["README.md", "src/x"], true)));
        assert!(!concerns(&patterns, &files(&["README.md"], true)));
        assert!(!concerns(&patterns, &files(&[], true)), "nothing changed");
        assert!(concerns(&patterns, &files(&["README.md"], false)));
        assert!(concerns(&[], &files(&[], true)), "watches nothing");
        assert!(!concerns(&["[".to_owned()], &files(&["a"], true)));
    }
}
