//! Repositories, branches and commits that a test adds, and the tokens that were given out for them.
//!
//! Not the files themselves: a Git server of the test's own has those.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{Fake, PUBLIC, REPOSITORY};

/// A commit as the API tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Forty hexadecimal digits.
    pub sha: String,
    /// The whole message.
    pub message: String,
    /// Login of its author.
    pub author: String,
    /// When, RFC 3339.
    pub date: String,
    /// Paths that it changed.
    pub files: Vec<String>,
}

impl Commit {
    /// By `octo`, on a day of 2026, changing a README.
    pub fn new(sha: &str, message: &str) -> Self {
        Self {
            sha: sha.to_owned(),
            message: message.to_owned(),
            author: "octo".to_owned(),
            date: "2026-01-02T03:04:05Z".to_owned(),
            files: vec!["README.md".to_owned()],
        }
    }

    fn json(&self) -> Value {
        let files = self.files.iter();
        let files: Vec<Value> = files
            .map(|name| json!({ "filename": name, "status": "modified" }))
            .collect();
        let avatar = format!("https://example.test/{}.png", self.author);
        json!({
            "sha": self.sha,
            "commit": { "message": self.message, "author": { "date": self.date } },
            "author": { "login": self.author, "avatar_url": avatar },
            "files": files,
        })
    }
}

/// A token that was given out.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) repository: String,
    pub(crate) permissions: Value,
    pub(crate) ends: OffsetDateTime,
}

#[derive(Default)]
struct Added {
    name: String,
    public: bool,
    commits: Vec<Commit>,
    /// What branches, and references such as `refs/pull/7/head`, are at.
    heads: Vec<(String, String)>,
}

/// Those that a test added, besides the two that are always there.
#[derive(Default)]
pub(crate) struct Repositories(Vec<Added>);

impl Repositories {
    fn find(&self, name: &str) -> Option<&Added> {
        self.0.iter().find(|r| r.name == name)
    }

    fn entry(&mut self, name: &str) -> &mut Added {
        let at = self.0.iter().position(|r| r.name == name);
        let at = at.unwrap_or_else(|| {
            self.0.push(Added {
                name: name.to_owned(),
                public: name == PUBLIC,
                ..Added::default()
            });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        name == REPOSITORY || name == PUBLIC || self.find(name).is_some()
    }

    pub(crate) fn is_public(&self, name: &str) -> bool {
        self.find(name).map_or(name == PUBLIC, |r| r.public)
    }

    /// The full name of the one that the installation may see under this short one.
    pub(crate) fn of_installation(&self, short: Option<&str>) -> Option<String> {
        let short = short?;
        let added = self.0.iter().map(|r| r.name.as_str());
        let mut all = [REPOSITORY, PUBLIC].into_iter().chain(added);
        let fits = |name: &&str| name.split_once('/').is_some_and(|(_, last)| last == short);
        all.find(fits).map(str::to_owned)
    }

    /// The commit at a hash, branch or reference; nothing where no test has said anything of the repository.
    pub(crate) fn commit(&self, name: &str, reference: &str) -> Option<Result<Value, String>> {
        let repository = self.find(name).filter(|r| !r.commits.is_empty())?;
        let reference = percent_decoded(reference);
        let head = repository.heads.iter().find(|(at, _)| *at == reference);
        let sha = head.map_or(&reference, |(_, sha)| sha);
        let found = repository.commits.iter().find(|c| c.sha == *sha);
        let missing = || format!("No commit found for SHA: {reference}");
        Some(found.map(Commit::json).ok_or_else(missing))
    }
}

/// As in a path, where a plus is a plus.
fn percent_decoded(text: &str) -> String {
    let plus = text.replace('+', "%2B");
    let pairs = url::form_urlencoded::parse(plus.as_bytes()).next();
    pairs.map_or_else(String::new, |(name, _)| name.into_owned())
}

impl Fake {
    /// There is such a repository, and the installation may use it. What no test says of its commits is as in the others.
    pub fn add_repository(&self, name: &str, public: bool) {
        self.state().repositories.entry(name).public = public;
    }

    /// A branch, or a reference such as `refs/pull/7/head`, is at this commit from now on. The repository is made, private,
    /// unless it is there. A repository with commits of its own has no others.
    pub fn add_commit(&self, repository: &str, branch: &str, sha: &str, message: &str) {
        self.push_commit(repository, branch, Commit::new(sha, message));
    }

    /// The same with all that can be said of a commit.
    pub fn push_commit(&self, repository: &str, branch: &str, commit: Commit) {
        let mut state = self.state();
        let repository = state.repositories.entry(repository);
        repository.heads.retain(|(name, _)| name != branch);
        let head = (branch.to_owned(), commit.sha.clone());
        repository.heads.push(head);
        repository.commits.retain(|c| c.sha != commit.sha);
        repository.commits.push(commit);
    }

    /// What a token that was given out and has not ended is good for: its repository and its permissions.
    pub fn issued(&self, token: &str) -> Option<(String, Value)> {
        let state = self.state();
        let issued = state.tokens.iter().find(|issued| issued.token == token)?;
        let lasts = issued.ends > OffsetDateTime::now_utc();
        lasts.then(|| (issued.repository.clone(), issued.permissions.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_found_by_hash_branch_and_reference() {
        let mut all = Repositories::default();
        assert!(all.commit("acme/shop", "main").is_none());
        let repository = all.entry("acme/shop");
        repository.commits.push(Commit::new("abc", "Fix"));
        for head in ["feat/a b", "refs/pull/7/head"] {
            repository.heads.push((head.to_owned(), "abc".to_owned()));
        }
        for reference in ["abc", "feat%2Fa%20b", "refs%2Fpull%2F7%2Fhead"] {
            let found = all.commit("acme/shop", reference);
            let found = found.expect("known").expect("there");
            assert_eq!(found["sha"], "abc", "{reference}");
        }
        assert!(all.commit("acme/shop", "main").expect("known").is_err());
        assert_eq!(
            all.of_installation(Some("shop")),
            Some("acme/shop".to_owned())
        );
        assert!(!all.is_public("acme/shop") && all.is_public("acme/open"));
    }
}
