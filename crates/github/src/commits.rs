//! Commits: by branch or by hash, and the files that changed.

use std::collections::BTreeSet;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::call::Ask;
use crate::{Access, Class, GitHub, GitHubError, Operation, Permissions, Repository};

/// Files on one page of an answer.
const PAGE: usize = 100;
/// Most files GitHub tells of for a comparison or a commit.
const MOST_FILES: usize = 3_000;

/// What is known of a commit. Texts that are missing are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Its hash, forty hexadecimal digits.
    pub sha: String,
    /// First line of its message.
    pub message: String,
    /// Login of its author, where GitHub knows it.
    pub author_handle: String,
    /// Their picture.
    pub author_avatar_url: String,
    /// Epoch milliseconds; 0 where it says none that can be read.
    pub timestamp: i64,
}

/// Why there is no such commit, where asking again would not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCommit {
    /// No such branch or hash, or no such repository for this installation.
    NotFound,
    /// The App may not read the repository.
    NotAllowed,
}

#[derive(Deserialize)]
struct Answer {
    sha: String,
    commit: Inner,
    author: Option<Login>,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    message: String,
    author: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    date: Option<String>,
}

#[derive(Deserialize, Default)]
struct Login {
    #[serde(default)]
    login: String,
    #[serde(default)]
    avatar_url: String,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct Comparison {
    #[serde(default)]
    files: Vec<File>,
}

impl GitHub {
    /// The head of a branch, or the commit with a hash. Absence is a value: it stays so.
    ///
    /// # Errors
    /// [`GitHubError`] where asking again may help, or where an operator has to act.
    pub async fn commit(
        &self,
        access: Access,
        repository: &Repository,
        reference: &str,
    ) -> Result<Result<Commit, NoCommit>, GitHubError> {
        match self.commit_page(access, repository, reference, 1).await {
            Ok(answer) => Ok(Ok(commit(answer))),
            Err(error) => match (error.class(), &error) {
                (Class::NotFound, _) => Ok(Err(NoCommit::NotFound)),
                // a hash or branch that cannot be one
                (Class::BadRequest, GitHubError::Answered { status: 422, .. }) => {
                    Ok(Err(NoCommit::NotFound))
                }
                (Class::Unauthorised, _) => Ok(Err(NoCommit::NotAllowed)),
                _ => Err(error),
            },
        }
    }

    /// Paths a commit adds, changes, removes or renames (both names).
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn changed_files(
        &self,
        access: Access,
        repository: &Repository,
        sha: &str,
    ) -> Result<BTreeSet<String>, GitHubError> {
        let mut paths = BTreeSet::new();
        for page in 1..=MOST_FILES.div_ceil(PAGE) {
            let answer = self.commit_page(access, repository, sha, page).await?;
            let last = answer.files.len() < PAGE;
            paths.extend(answer.files.into_iter().flat_map(names));
            if last {
                break;
            }
        }
        Ok(paths)
    }

    /// Paths that differ between two commits, renames with both names; for a push whose own list is not whole. GitHub
    /// tells of the first three hundred.
    ///
    /// # Errors
    /// [`GitHubError`]; [`Class::NotFound`] where `before` is gone, as after a forced push.
    pub async fn compared_files(
        &self,
        access: Access,
        repository: &Repository,
        before: &str,
        after: &str,
    ) -> Result<BTreeSet<String>, GitHubError> {
        let token = self.bearer(access, repository, Permissions::READ).await?;
        let range = format!("{before}...{after}");
        let path = [
            "repos",
            repository.owner(),
            repository.name(),
            "compare",
            &range,
        ];
        let ask = Ask::get(Operation::Compare, &path, token.as_ref());
        let answer: Comparison = self.line.read(ask).await?;
        Ok(answer.files.into_iter().flat_map(names).collect())
    }

    async fn commit_page(
        &self,
        access: Access,
        repository: &Repository,
        reference: &str,
        page: usize,
    ) -> Result<Answer, GitHubError> {
        let token = self.bearer(access, repository, Permissions::READ).await?;
        let path = [
            "repos",
            repository.owner(),
            repository.name(),
            "commits",
            reference,
        ];
        let (size, page) = (PAGE.to_string(), page.to_string());
        let ask = Ask {
            query: &[("per_page", &size), ("page", &page)],
            ..Ask::get(Operation::Commit, &path, token.as_ref())
        };
        self.line.read(ask).await
    }
}

fn names(file: File) -> impl Iterator<Item = String> {
    std::iter::once(file.filename).chain(file.previous_filename)
}

fn commit(answer: Answer) -> Commit {
    let login = answer.author.unwrap_or_default();
    let date = answer.commit.author.and_then(|a| a.date);
    let date = date.and_then(|d| OffsetDateTime::parse(&d, &Rfc3339).ok());
    let first_line = answer.commit.message.lines().next().unwrap_or_default();
    Commit {
        sha: answer.sha,
        message: first_line.trim_end().to_owned(),
        author_handle: login.login,
        author_avatar_url: login.avatar_url,
        timestamp: date.map_or(0, |d| d.unix_timestamp().saturating_mul(1_000)),
    }
}
