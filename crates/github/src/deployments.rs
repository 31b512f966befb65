//! Deployments and their statuses, statuses of commits, and the pull request of a branch.
//!
//! A deployment is looked for before it is made: one of ours is known by the mark in its payload.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::Ask;
use crate::{Access, GitHub, GitHubError, Operation, Permissions, Repository};

/// Longest description GitHub takes, characters.
const DESCRIPTION: usize = 140;
/// Deployments of one commit and environment, or statuses of a deployment, that are looked through.
const PAGE: &str = "100";

/// What a deployment at GitHub is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewDeployment<'a> {
    /// The commit.
    pub sha: &'a str,
    /// Name of the environment as GitHub shows it.
    pub environment: &'a str,
    /// One line for people.
    pub description: &'a str,
    /// Whether it serves production.
    pub is_production: bool,
    /// What makes it ours, and this one: our own deployment's id.
    pub mark: &'a str,
}

/// How far a deployment is, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// It waits.
    Queued,
    /// It is about to begin.
    Pending,
    /// It is on its way.
    InProgress,
    /// It serves.
    Success,
    /// It has failed.
    Failure,
    /// It could not be tried.
    Error,
    /// Another one has taken its place.
    Inactive,
}

/// A status of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewStatus<'a> {
    /// How far it is.
    pub state: DeploymentState,
    /// One line for people; cut to what GitHub takes.
    pub description: &'a str,
    /// Where it can be reached; empty: nowhere.
    pub environment_url: &'a str,
    /// Where its log is; empty: nowhere.
    pub log_url: &'a str,
}

/// A status of a commit: what one check says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewCheck<'a> {
    /// What was found.
    pub state: CommitState,
    /// Name of the check; the newest status of a name counts.
    pub context: &'a str,
    /// One line for people; cut to what GitHub takes.
    pub description: &'a str,
    /// Where more can be read.
    pub target_url: &'a str,
}

/// What a check of a commit has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitState {
    /// Not known yet.
    Pending,
    /// Good.
    Success,
    /// Bad.
    Failure,
    /// It could not be found out.
    Error,
}

#[derive(Deserialize)]
struct Made {
    id: i64,
}

#[derive(Deserialize)]
struct Found {
    id: i64,
    #[serde(default)]
    payload: serde_json::Value,
}

#[derive(Deserialize)]
struct Status {
    id: i64,
    state: String,
    #[serde(default)]
    description: Option<String>,
    /// Of a commit's status: the check.
    #[serde(default)]
    context: String,
    /// Of a commit's status: where it leads.
    #[serde(default)]
    target_url: Option<String>,
}

impl Status {
    fn says(&self, state: &serde_json::Value, description: &str) -> bool {
        *state == self.state
            && self.description.as_deref().unwrap_or_default() == short(description)
    }
}

fn newest<'a>(statuses: impl Iterator<Item = &'a Status>) -> Option<&'a Status> {
    statuses.max_by_key(|s| s.id)
}

#[derive(Deserialize)]
struct Pull {
    number: i64,
}

impl GitHub {
    /// The number of the deployment with this mark; made where there is none. Asking again gives the same.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn ensure_deployment(
        &self,
        installation: i64,
        repository: &Repository,
        new: NewDeployment<'_>,
    ) -> Result<i64, GitHubError> {
        let access = Access::Installation(installation);
        let token = self
            .bearer(access, repository, Permissions::DEPLOYMENTS)
            .await?;
        let path = [
            "repos",
            repository.owner(),
            repository.name(),
            "deployments",
        ];
        let ask = Ask {
            query: &[
                ("sha", new.sha),
                ("environment", new.environment),
                ("per_page", PAGE),
            ],
            ..Ask::get(Operation::FindDeployment, &path, token.as_ref())
        };
        let there: Vec<Found> = self.line.read(ask).await?;
        if let Some(ours) = there.iter().find(|d| mark(&d.payload) == Some(new.mark)) {
            return Ok(ours.id);
        }
        let ask = Ask::post(Operation::CreateDeployment, &path, token.as_ref());
        let body = json!({
            "ref": new.sha,
            "environment": new.environment,
            "description": short(new.description),
            "auto_merge": false,
            "required_contexts": [],
            "transient_environment": !new.is_production,
            "production_environment": new.is_production,
            "payload": { "deployment": new.mark },
        });
        let made: Made = self.line.send(ask, Some(&body)).await?;
        Ok(made.id)
    }

    /// Adds a status to a deployment, unless the newest one there says the same: asked again, nothing is added.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn deployment_status(
        &self,
        installation: i64,
        repository: &Repository,
        deployment: i64,
        new: NewStatus<'_>,
    ) -> Result<(), GitHubError> {
        let access = Access::Installation(installation);
        let token = self
            .bearer(access, repository, Permissions::DEPLOYMENTS)
            .await?;
        let id = deployment.to_string();
        let path = [
            "repos",
            repository.owner(),
            repository.name(),
            "deployments",
            &id,
            "statuses",
        ];
        let ask = Ask {
            query: &[("per_page", PAGE)],
            ..Ask::get(Operation::FindStatus, &path, token.as_ref())
        };
        let there: Vec<Status> = self.line.read(ask).await?;
        if newest(there.iter()).is_some_and(|s| s.says(&json!(new.state), new.description)) {
            return Ok(());
        }
        let ask = Ask::post(Operation::DeploymentStatus, &path, token.as_ref());
        let mut body = json!({
            "state": new.state,
            "description": short(new.description),
            "auto_inactive": true,
        });
        for (name, url) in [
            ("environment_url", new.environment_url),
            ("log_url", new.log_url),
        ] {
            if !url.is_empty() {
                body[name] = url.into();
            }
        }
        let _made: Made = self.line.send(ask, Some(&body)).await?;
        Ok(())
    }

    /// Sets what a check says of a commit, unless the newest of its context says the same; the newest counts.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn commit_status(
        &self,
        installation: i64,
        repository: &Repository,
        sha: &str,
        new: NewCheck<'_>,
    ) -> Result<(), GitHubError> {
        let access = Access::Installation(installation);
        let token = self
            .bearer(access, repository, Permissions::STATUSES)
            .await?;
        let path = [
            "repos",
            repository.owner(),
            repository.name(),
            "statuses",
            sha,
        ];
        let read = [
            "repos",
            repository.owner(),
            repository.name(),
            "commits",
            sha,
            "statuses",
        ];
        let ask = Ask {
            query: &[("per_page", PAGE)],
            ..Ask::get(Operation::FindStatus, &read, token.as_ref())
        };
        let there: Vec<Status> = self.line.read(ask).await?;
        let ours = there.iter().filter(|s| s.context == new.context);
        if newest(ours).is_some_and(|s| {
            s.says(&json!(new.state), new.description)
                && s.target_url.as_deref().unwrap_or_default() == new.target_url
        }) {
            return Ok(());
        }
        let ask = Ask::post(Operation::CommitStatus, &path, token.as_ref());
        let body = json!({
            "state": new.state,
            "context": new.context,
            "description": short(new.description),
            "target_url": new.target_url,
        });
        let _made: Made = self.line.send(ask, Some(&body)).await?;
        Ok(())
    }

    /// The open pull request whose head is this branch of `head_owner`; of several the newest.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn pull_of_branch(
        &self,
        installation: i64,
        repository: &Repository,
        head_owner: &str,
        branch: &str,
    ) -> Result<Option<i64>, GitHubError> {
        let access = Access::Installation(installation);
        let token = self
            .bearer(access, repository, Permissions::PULL_REQUESTS)
            .await?;
        let path = ["repos", repository.owner(), repository.name(), "pulls"];
        let head = format!("{head_owner}:{branch}");
        let ask = Ask {
            query: &[("state", "open"), ("head", &head), ("per_page", "1")],
            ..Ask::get(Operation::FindPull, &path, token.as_ref())
        };
        let pulls: Vec<Pull> = self.line.read(ask).await?;
        Ok(pulls.first().map(|p| p.number))
    }
}

/// The mark in a payload, which GitHub gives back as it was sent, or as a text of it.
fn mark(payload: &serde_json::Value) -> Option<&str> {
    payload.get("deployment")?.as_str()
}

fn short(text: &str) -> String {
    text.chars().take(DESCRIPTION).collect()
}
