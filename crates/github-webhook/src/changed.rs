//! What a push changed, where the payload does not say: of a forced push, of many commits, of a pull request.

use crate::push::Push;
use crate::watch::Files;
use crate::{Deps, Patience, steps};
use durable::Stop;
use github::{Access, Class, GitHubError, Relation};
use restate_sdk::prelude::*;

/// Most paths GitHub tells of for a pull request.
const PULL_FILES: usize = 3_000;

/// The paths that changed. `main` is the branch that a new one is compared with.
pub(crate) async fn files(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    push: &Push,
    main: &str,
) -> Result<Files, Stop> {
    let given = Files {
        paths: push.files.iter().cloned().collect(),
        complete: push.files_complete,
    };
    if given.complete && push.fork.is_none() {
        return Ok(given);
    }
    let access = deps.access(push.installation);
    let asked = durable::run!(ctx, steps::FILES, Patience(deps.timings.github), async {
        match ask(deps, access, push, main).await {
            Err(error) if error.class() == Class::Unavailable => Err(Stop::retry(error)),
            Err(error) => {
                tracing::warn!(%error, "GitHub does not tell what changed");
                Ok(Files::default())
            }
            Ok(files) => Ok(files),
        }
    });
    let mut files = match asked {
        Err(stop) if stop.is_cancelled() => return Err(stop),
        // its patience is over
        Err(_) => Files::default(),
        Ok(files) => files,
    };
    files.paths.extend(given.paths);
    Ok(files)
}

async fn ask(deps: &Deps, access: Access, push: &Push, main: &str) -> Result<Files, GitHubError> {
    if push.fork.is_some() {
        let paths = deps
            .github
            .pull_files(access, &push.repository, push.pull)
            .await?;
        let complete = paths.len() < PULL_FILES;
        return Ok(Files { paths, complete });
    }
    let base = match push.before.as_str() {
        // All of the first push is new.
        "" if push.branch == main => return Ok(Files::default()),
        "" => main,
        before => before,
    };
    let compare = |from: String, to: String| async move {
        deps.github
            .compare(access, &push.repository, &from, &to)
            .await
    };
    let there = compare(base.to_owned(), push.sha.clone()).await?;
    let mut files = Files {
        complete: there.complete,
        paths: there.files,
    };
    let left_commits = matches!(there.relation, Relation::Behind | Relation::Diverged);
    if !push.before.is_empty() && left_commits {
        // A forced push also takes back what it leaves.
        let back = compare(push.sha.clone(), base.to_owned()).await?;
        files.complete &= back.complete;
        files.paths.extend(back.files);
    }
    Ok(files)
}
