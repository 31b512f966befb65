//! Event `pull_request`: a fork asks to be deployed, or a pull request was closed. One of the repository's own branches
//! has a push of its own.

use crate::payload::{self, Account, Numbered, Repo};
use crate::{Read, Refusal, Request};
use messages::hydra::v1::{ClosePullRequestRequest, HandlePushRequest};
use serde::Deserialize;

#[derive(Deserialize)]
struct Event {
    action: String,
    pull_request: Pull,
    /// The base's.
    repository: Repo,
    installation: Option<Numbered>,
    #[serde(default)]
    sender: Account,
    #[serde(default)]
    before: String,
}

#[derive(Deserialize)]
struct Pull {
    number: i64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    updated_at: String,
    #[serde(default)]
    user: Option<Account>,
    head: Head,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    sha: String,
    /// None: the fork was deleted.
    repo: Option<Repo>,
}

pub(crate) fn read(body: &[u8], delivery: &str) -> Result<Read, Refusal> {
    let event: Event = payload::parse(body)?;
    let closed = match event.action.as_str() {
        "closed" => true,
        "opened" | "synchronize" => false,
        _ => return Ok(Err("nothing changes with this action")),
    };
    let is_fork = match &event.pull_request.head.repo {
        Some(head) => head.id != event.repository.id,
        None => true,
    };
    if !closed && !is_fork {
        return Ok(Err(
            "the branch is the repository's own and has a push of its own",
        ));
    }
    let key = payload::key(event.installation.as_ref(), &event.repository)?;
    if event.pull_request.number <= 0 {
        return Err(Refusal::new(400, "The pull request has no number."));
    }
    payload::branch(&event.pull_request.head.reference)?;
    let request = match closed {
        true => Request::Close(close(event, is_fork, delivery)),
        false => match &event.pull_request.head.repo {
            Some(fork) => {
                payload::name(&fork.full_name)?;
                let (fork, sha) = (
                    fork.full_name.clone(),
                    payload::sha(&event.pull_request.head.sha)?,
                );
                Request::Push(push(event, fork, sha, delivery))
            }
            None => return Ok(Err("the fork was deleted")),
        },
    };
    Ok(Ok((key, request)))
}

fn close(event: Event, is_fork: bool, delivery: &str) -> ClosePullRequestRequest {
    ClosePullRequestRequest {
        installation_id: event.installation.map_or(0, |i| i.id),
        repository_id: event.repository.id,
        repository_full_name: event.repository.full_name,
        pr_number: event.pull_request.number,
        branch: event.pull_request.head.reference,
        is_fork,
        delivery_id: delivery.to_owned(),
        ..ClosePullRequestRequest::default()
    }
}

fn push(event: Event, fork: String, sha: String, delivery: &str) -> HandlePushRequest {
    let pull = event.pull_request;
    let author = pull.user.unwrap_or_default();
    let picture = match author.avatar_url.is_empty() {
        true => payload::picture(&author.login),
        false => author.avatar_url,
    };
    HandlePushRequest {
        installation_id: event.installation.map_or(0, |i| i.id),
        repository_id: event.repository.id,
        repository_full_name: event.repository.full_name,
        branch: pull.head.reference,
        after: sha,
        commit_message: payload::first_line(&pull.title),
        commit_author_handle: author.login,
        commit_author_avatar_url: picture,
        commit_timestamp: payload::millis(&pull.updated_at),
        delivery_id: delivery.to_owned(),
        sender_login: event.sender.login,
        is_fork_pr: true,
        pr_number: pull.number,
        fork_repository_full_name: fork,
        before: payload::sha_or_none(&event.before),
        changed_files_incomplete: true,
        ..HandlePushRequest::default()
    }
}
