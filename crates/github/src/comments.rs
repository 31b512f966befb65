//! The one comment of ours on a pull request: found by its marker and its author over all pages, written, edited.

use serde::Deserialize;
use serde_json::json;

use crate::call::Ask;
use crate::{Access, GitHub, GitHubError, Operation, Permissions, Repository};

/// Comments on one page.
const PAGE: usize = 100;
/// Pages that are looked through.
const MOST_PAGES: usize = 50;

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its number.
    pub id: i64,
    /// Its text.
    pub body: String,
}

#[derive(Deserialize)]
struct Answer {
    id: i64,
    #[serde(default)]
    body: Option<String>,
    /// The App through which it was written.
    performed_via_github_app: Option<App>,
}

#[derive(Deserialize)]
struct App {
    id: i64,
}

impl GitHub {
    /// The oldest comment on a pull request that begins with the marker and was written by the App `app_id`: a marker that
    /// somebody else has written is not ours.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn find_comment(
        &self,
        installation: i64,
        repository: &Repository,
        pull: i64,
        marker: &str,
        app_id: i64,
    ) -> Result<Option<Comment>, GitHubError> {
        let access = Access::Installation(installation);
        let token = self
            .bearer(access, repository, Permissions::PULL_REQUESTS)
            .await?;
        let pull = pull.to_string();
        let path = [
            "repos",
            repository.owner(),
            repository.name(),
            "issues",
            &pull,
            "comments",
        ];
        for page in 1..=MOST_PAGES {
            let (size, page) = (PAGE.to_string(), page.to_string());
            let ask = Ask {
                query: &[("per_page", &size), ("page", &page)],
                ..Ask::get(Operation::ReadComments, &path, token.as_ref())
            };
            let answers: Vec<Answer> = self.line.read(ask).await?;
            let last = answers.len() < PAGE;
            let ours = answers.into_iter().find(|c| is_ours(c, marker, app_id));
            if let Some(found) = ours {
                return Ok(Some(Comment {
                    id: found.id,
                    body: found.body.unwrap_or_default(),
                }));
            }
            if last {
                break;
            }
        }
        Ok(None)
    }

    /// Writes a comment on a pull request; gives its number.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn create_comment(
        &self,
        installation: i64,
        repository: &Repository,
        pull: i64,
        body: &str,
    ) -> Result<i64, GitHubError> {
        let access = Access::Installation(installation);
        let token = self
            .bearer(access, repository, Permissions::PULL_REQUESTS)
            .await?;
        let pull = pull.to_string();
        let path = [
            "repos",
            repository.owner(),
            repository.name(),
            "issues",
            &pull,
            "comments",
        ];
        let ask = Ask::post(Operation::WriteComment, &path, token.as_ref());
        let made: Answer = self.line.send(ask, Some(&json!({ "body": body }))).await?;
        Ok(made.id)
    }

    /// Replaces the text of a comment.
    ///
    /// # Errors
    /// [`GitHubError`]; not found where somebody has deleted it.
    pub async fn update_comment(
        &self,
        installation: i64,
        repository: &Repository,
        comment: i64,
        body: &str,
    ) -> Result<(), GitHubError> {
        let access = Access::Installation(installation);
        let token = self
            .bearer(access, repository, Permissions::PULL_REQUESTS)
            .await?;
        let id = comment.to_string();
        let path = [
            "repos",
            repository.owner(),
            repository.name(),
            "issues",
            "comments",
            &id,
        ];
        let ask = Ask {
            method: reqwest::Method::PATCH,
            ..Ask::get(Operation::WriteComment, &path, token.as_ref())
        };
        let _changed: Answer = self.line.send(ask, Some(&json!({ "body": body }))).await?;
        Ok(())
    }
}

fn is_ours(comment: &Answer, marker: &str, app_id: i64) -> bool {
    let marked = comment
        .body
        .as_deref()
        .is_some_and(|b| b.starts_with(marker));
    let app = comment.performed_via_github_app.as_ref();
    marked && app.is_some_and(|app| app.id == app_id)
}
