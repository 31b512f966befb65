//! Which commit a Git source means, and what is known of it: looked up at GitHub once, kept in the row.

use crate::claim::Subject;
use crate::{Deps, names};
use durable::{Fault, Preset, Stop, codes};
use github::{Access, Class, NoCommit, Repository};
use messages::hydra::v1::GitSource;
use mysql::{Db, now_ms, sql};
use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// Digits of a whole hash.
const SHA: usize = 40;
/// Longest texts of the columns, characters.
const HANDLE_MAX: usize = 256;
const AVATAR_MAX: usize = 512;

/// A commit as it is journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Found {
    sha: String,
    message: String,
    author_handle: String,
    author_avatar_url: String,
    /// Epoch ms; 0: unknown.
    timestamp: i64,
}

/// What is looked up, or the hash that needs no look.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Known(String),
    LookUp(String),
}

/// The commit to build. Afterwards `subject` and its row tell hash, branch and message.
pub(crate) async fn resolve(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    git: &GitSource,
    subject: &mut Subject,
) -> Result<String, Stop> {
    let repository = repository(git, subject)?;
    let public = deps.settings.allow_unauthenticated || git.installation_id == 0;
    let sha = match wanted(git, subject.has_commit_message != 0, public)? {
        Wanted::Known(sha) => {
            subject.git_commit_sha = Some(sha.clone());
            return Ok(sha);
        }
        Wanted::LookUp(reference) => {
            let access = if public {
                Access::Public
            } else {
                Access::Installation(git.installation_id)
            };
            let found = durable::run!(
                ctx,
                names::FIND_COMMIT,
                Preset::Outside,
                find(deps, access, &repository, &reference)
            )?;
            let by_branch = git.commit_sha.is_empty() && !git.branch.is_empty();
            let branch = by_branch.then_some(git.branch.as_str());
            durable::run!(
                ctx,
                names::STORE_COMMIT,
                Preset::Database,
                store(&deps.db, &subject.id, branch, &found)
            )?;
            if let Some(branch) = branch {
                subject.git_branch = Some(branch.to_owned());
            }
            found.sha
        }
    };
    subject.git_commit_sha = Some(sha.clone());
    Ok(sha)
}

/// The repository of the request; where the app is connected to one, it must be that.
fn repository(git: &GitSource, subject: &Subject) -> Result<Repository, Fault> {
    let fault = |text: String| Fault {
        code: codes::NO_SOURCE,
        text,
    };
    let repository = Repository::parse(&git.repository).map_err(|bad| fault(bad.to_string()))?;
    match subject.repository.as_deref() {
        Some(own) if !own.eq_ignore_ascii_case(&git.repository) => Err(fault(format!(
            "The source names the repository `{}`, and the app is connected to `{own}`. Deploy from that one, or connect the app anew.",
            git.repository
        ))),
        _ => Ok(repository),
    }
}

/// A pull request's head moves: without a hash it is looked up once and stays.
fn wanted(git: &GitSource, has_message: bool, public: bool) -> Result<Wanted, Fault> {
    let fault = |text: &str| {
        Err(Fault {
            code: codes::NO_SOURCE,
            text: text.to_owned(),
        })
    };
    let sha = git.commit_sha.as_str();
    if !sha.is_empty() {
        if !(7..=SHA).contains(&sha.len()) || !sha.bytes().all(|b| b.is_ascii_hexdigit()) {
            return fault(
                "The commit of the source is no hash: 7 to 40 hexadecimal digits are expected.",
            );
        }
        let whole = sha.len() == SHA;
        return Ok(match whole && (has_message || public) {
            true => Wanted::Known(sha.to_ascii_lowercase()),
            false => Wanted::LookUp(sha.to_ascii_lowercase()),
        });
    }
    let branch = git.branch.as_str();
    if branch.starts_with('-') || branch.chars().any(char::is_control) {
        return fault(
            "The branch of the source is no name of a branch: it begins with a dash or contains control characters.",
        );
    }
    Ok(Wanted::LookUp(match git.pr_number {
        number if number > 0 => format!("refs/pull/{number}/head"),
        _ if branch.is_empty() => "HEAD".to_owned(),
        _ => branch.to_owned(),
    }))
}

async fn find(
    deps: &Deps,
    access: Access,
    repository: &Repository,
    reference: &str,
) -> Result<Found, Stop> {
    match deps.github.commit(access, repository, reference).await {
        Ok(Ok(commit)) => Ok(Found {
            sha: commit.sha,
            message: commit.message,
            author_handle: commit.author_handle,
            author_avatar_url: commit.author_avatar_url,
            timestamp: commit.timestamp,
        }),
        Ok(Err(NoCommit::NotFound)) => Err(Stop::fault(
            codes::COMMIT_NOT_FOUND,
            format!(
                "GitHub has no `{reference}` in `{repository}`. Check the branch in the app's settings, and that the commit was pushed."
            ),
        )),
        Ok(Err(NoCommit::NotAllowed)) => Err(Stop::fault(
            codes::COMMIT_NOT_FOUND,
            format!(
                "GitHub does not let the App read `{repository}`. Check in GitHub whether the App is installed for this repository."
            ),
        )),
        Err(error) => match error.class() {
            Class::Unavailable | Class::RateLimited { .. } => Err(Stop::retry(error)),
            _ => {
                tracing::error!(%error, "GitHub refuses to tell of a commit");
                Err(Stop::fault(
                    codes::COMMIT_NOT_FOUND,
                    "GitHub does not answer this installation's questions about commits. The operator has to look at `github` in its configuration.",
                ))
            }
        },
    }
}

async fn store(
    db: &Db,
    deployment_id: &str,
    branch: Option<&str>,
    found: &Found,
) -> Result<(), Stop> {
    let text = |text: &str, max: usize| -> Option<String> {
        (!text.is_empty()).then(|| text.chars().take(max).collect())
    };
    sql::execute(
        db.primary(),
        "UPDATE deployments SET git_commit_sha = ?, git_branch = COALESCE(?, git_branch), git_commit_message = ?,
                git_commit_author_handle = ?, git_commit_author_avatar_url = ?, git_commit_timestamp = ?, updated_at = ?
         WHERE id = ? AND status = 'building'",
        [
            found.sha.as_str().into(),
            branch.into(),
            text(&found.message, usize::MAX).into(),
            text(&found.author_handle, HANDLE_MAX).into(),
            text(&found.author_avatar_url, AVATAR_MAX).into(),
            (found.timestamp != 0).then_some(found.timestamp).into(),
            now_ms().into(),
            deployment_id.into(),
        ],
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(sha: &str, branch: &str, pr_number: i64) -> GitSource {
        GitSource {
            commit_sha: sha.to_owned(),
            branch: branch.to_owned(),
            pr_number,
            ..GitSource::default()
        }
    }

    #[test]
    fn a_whole_hash_with_a_message_needs_no_look() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let known = Wanted::Known(sha.to_owned());
        let look = |what: &str| Wanted::LookUp(what.to_owned());
        for (source, has_message, public, expected) in [
            (git(sha, "", 0), true, false, known.clone()),
            (git(&sha.to_uppercase(), "", 0), true, false, known.clone()),
            (git(sha, "", 0), false, false, look(sha)),
            (git(sha, "", 0), false, true, known.clone()),
            (git(sha, "main", 7), true, false, known),
            (git("0123456", "", 0), true, true, look("0123456")),
            (git("", "main", 0), false, false, look("main")),
            (git("", "main", 7), false, false, look("refs/pull/7/head")),
            (git("", "", 0), false, false, look("HEAD")),
        ] {
            assert_eq!(
                wanted(&source, has_message, public),
                Ok(expected),
                "{source:?}"
            );
        }
        for source in [
            git("--upload-pack=x", "", 0),
            git("012345", "", 0),
            git("", "--upload-pack=x", 0),
            git("", "a\nb", 0),
        ] {
            assert!(wanted(&source, true, true).is_err(), "{source:?}");
        }
    }
}
