//! The name of a repository, checked before it gets into a path or a git address.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest owner and longest name GitHub has, characters.
const LONGEST: (usize, usize) = (39, 100);

/// `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Repository {
    owner: String,
    name: String,
}

/// Why a text names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no repository: it must be `owner/name`, of letters, digits, `-`, `_` and `.` only"
)]
pub struct BadRepository(String);

impl Repository {
    /// Reads `owner/name`.
    ///
    /// # Errors
    /// [`BadRepository`].
    pub fn parse(text: &str) -> Result<Self, BadRepository> {
        let bad = || BadRepository(text.chars().take(200).collect());
        let (owner, name) = text.split_once('/').ok_or_else(bad)?;
        if is_segment(owner, LONGEST.0) && is_segment(name, LONGEST.1) {
            Ok(Self {
                owner: owner.to_owned(),
                name: name.to_owned(),
            })
        } else {
            Err(bad())
        }
    }

    /// Before the slash.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Behind it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn is_segment(text: &str, longest: usize) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty()
        && text.len() <= longest
        && text.chars().all(allowed)
        && !matches!(text, "." | "..")
        // git would take it for an option
        && !text.starts_with('-')
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl TryFrom<String> for Repository {
    type Error = BadRepository;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Repository> for String {
    fn from(repository: Repository) -> Self {
        repository.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Repository;

    #[test]
    fn only_a_plain_owner_and_name_are_a_repository() {
        for good in ["acme/shop", "a/b", "Octo-Cat/my.repo_1", "acme/.github"] {
            assert_eq!(
                Repository::parse(good).map(|r| r.to_string()),
                Ok(good.to_owned())
            );
        }
        let long = format!("{}/x", "o".repeat(40));
        for bad in [
            "",
            "acme",
            "acme/",
            "/shop",
            "acme/shop/more",
            "acme/..",
            "./shop",
            "acme/sh op",
            "acme/shop#main",
            "acme/shop.git:sub",
            "acme/shop?x",
            "-acme/shop",
            "acme/--upload-pack=x",
            "acme/shöp",
            "acme/shop\n",
            &long,
        ] {
            assert!(Repository::parse(bad).is_err(), "{bad:?}");
        }
    }
}
