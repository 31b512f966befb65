//! Event `push`: a branch has a new head.

use crate::payload::{self, Account, Numbered, Repo};
use crate::{Read, Refusal, Request};
use messages::hydra::v1::HandlePushRequest;
use serde::Deserialize;
use std::collections::BTreeSet;

/// From so many commits on the payload's list is not taken for whole.
const MANY_COMMITS: usize = 20;
/// Most paths that are handed on.
const MOST_FILES: usize = 3_000;

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    created: bool,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    forced: bool,
    head_commit: Option<Commit>,
    #[serde(default)]
    commits: Vec<Commit>,
    repository: Repo,
    installation: Option<Numbered>,
    #[serde(default)]
    sender: Account,
}

#[derive(Deserialize)]
struct Commit {
    #[serde(default)]
    message: String,
    #[serde(default)]
    timestamp: String,
    #[serde(default)]
    author: Author,
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
    #[serde(default)]
    modified: Vec<String>,
}

#[derive(Deserialize, Default)]
struct Author {
    #[serde(default)]
    name: String,
    #[serde(default)]
    username: String,
}

pub(crate) fn read(body: &[u8], delivery: &str) -> Result<Read, Refusal> {
    let push: Push = payload::parse(body)?;
    let Some(branch) = push.reference.strip_prefix("refs/heads/") else {
        return Ok(Err("it is no branch that was pushed to"));
    };
    if push.deleted {
        return Ok(Err("the branch was deleted"));
    }
    let key = payload::key(push.installation.as_ref(), &push.repository)?;
    payload::branch(branch)?;
    let after = payload::sha(&push.after)?;
    let (changed_files, whole) = files(&push.commits);
    let unsure = push.forced || push.created || push.commits.len() >= MANY_COMMITS || !whole;
    let head = push.head_commit.as_ref().or(push.commits.last());
    let author = head.map(|c| &c.author);
    let login = author.map_or("", |a| a.username.as_str());
    let handle = match login {
        "" => author.map_or("", |a| a.name.as_str()),
        login => login,
    };
    let request = HandlePushRequest {
        installation_id: push.installation.map_or(0, |i| i.id),
        repository_id: push.repository.id,
        repository_full_name: push.repository.full_name,
        branch: branch.to_owned(),
        after,
        commit_message: head.map_or_else(String::new, |c| payload::first_line(&c.message)),
        commit_author_handle: payload::first_line(handle),
        commit_author_avatar_url: payload::picture(login),
        commit_timestamp: head.map_or(0, |c| payload::millis(&c.timestamp)),
        delivery_id: delivery.to_owned(),
        changed_files_incomplete: unsure || changed_files.is_empty(),
        changed_files,
        sender_login: push.sender.login,
        before: payload::sha_or_none(&push.before),
        ..HandlePushRequest::default()
    };
    Ok(Ok((key, Request::Push(request))))
}

/// Paths of all commits, each once and in order, and whether these are all.
fn files(commits: &[Commit]) -> (Vec<String>, bool) {
    let paths: BTreeSet<&String> = commits
        .iter()
        .flat_map(|c| c.added.iter().chain(&c.removed).chain(&c.modified))
        .collect();
    let whole = paths.len() <= MOST_FILES;
    (paths.into_iter().take(MOST_FILES).cloned().collect(), whole)
}
