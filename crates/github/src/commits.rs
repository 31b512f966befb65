//! Commits: by branch or by hash, and the files that changed.

use std::collections::BTreeSet;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::call::Ask;
use crate::{Access, Class, GitHub, GitHubError, Operation, Permissions, Repository};

/// Files on one page of an answer.
const PAGE: usize = 100;
/// Most files GitHub tells of for a commit or a pull request.
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
struct Compared {
    #[serde(default)]
    status: String,
    #[serde(default)]
    files: Vec<File>,
}

/// Where the second commit of a comparison stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It comes after the first.
    Ahead,
    /// It comes before the first.
    Behind,
    /// It is the first.
    Identical,
    /// Both have commits of their own.
    Diverged,
}

/// Two commits, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Where the second stands.
    pub relation: Relation,
    /// Paths that the second changes since both parted, renames with both names.
    pub files: BTreeSet<String>,
    /// Whether these are all.
    pub complete: bool,
}

/// Most files GitHub tells of for a comparison.
const COMPARED_FILES: usize = 300;

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

    /// Where `after` stands to `before`, and what it changes.
    ///
    /// # Errors
    /// [`GitHubError`]; [`Class::NotFound`] where one of them is gone, as after a forced push.
    pub async fn compare(
        &self,
        access: Access,
        repository: &Repository,
        before: &str,
        after: &str,
    ) -> Result<Comparison, GitHubError> {
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
        let answer: Compared = self.line.read(ask).await?;
        Ok(Comparison {
            relation: match answer.status.as_str() {
                "ahead" => Relation::Ahead,
                "behind" => Relation::Behind,
                "identical" => Relation::Identical,
                _ => Relation::Diverged,
            },
            complete: answer.files.len() < COMPARED_FILES,
            files: answer.files.into_iter().flat_map(names).collect(),
        })
    }

    /// Paths that a pull request changes, renames with both names.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn pull_files(
        &self,
        access: Access,
        repository: &Repository,
        number: i64,
    ) -> Result<BTreeSet<String>, GitHubError> {
        let token = self
            .bearer(access, repository, Permissions::PULL_REQUESTS)
            .await?;
        let number = number.to_string();
        let path = [
            "repos",
            repository.owner(),
            repository.name(),
            "pulls",
            &number,
            "files",
        ];
        let mut paths = BTreeSet::new();
        for page in 1..=MOST_FILES.div_ceil(PAGE) {
            let (size, page) = (PAGE.to_string(), page.to_string());
            let ask = Ask {
                query: &[("per_page", &size), ("page", &page)],
                ..Ask::get(Operation::PullFiles, &path, token.as_ref())
            };
            let files: Vec<File> = self.line.read(ask).await?;
            let last = files.len() < PAGE;
            paths.extend(files.into_iter().flat_map(names));
            if last {
                break;
            }
        }
        Ok(paths)
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
