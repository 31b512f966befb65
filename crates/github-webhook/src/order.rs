//! Whether a push that does not follow the branch's newest deployment is older than that: GitHub knows, and where it
//! does not answer, the commits' times decide.

use crate::place::Rival;
use crate::push::Push;
use crate::{Deps, Patience, steps};
use durable::Stop;
use github::{Access, GitHubError, Relation};
use restate_sdk::prelude::*;

/// True when `rival` is the later one.
pub(crate) async fn is_older(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    push: &Push,
    rival: &Rival,
) -> Result<bool, Stop> {
    let access = deps.access(push.installation);
    let asked = durable::run!(ctx, steps::ORDER, Patience(deps.timings.github), async {
        match ask(deps, access, push, rival).await {
            Err(error) if error.class() == github::Class::Unavailable => Err(Stop::retry(error)),
            Err(error) => {
                tracing::warn!(%error, "GitHub does not tell which of two commits is the later one");
                Ok(None)
            }
            Ok(older) => Ok(older),
        }
    });
    let known = match asked {
        Err(stop) if stop.is_cancelled() => return Err(stop),
        // its patience is over
        Err(_) => None,
        Ok(older) => older,
    };
    Ok(known.unwrap_or_else(|| by_time(push.timestamp, rival.timestamp)))
}

async fn ask(
    deps: &Deps,
    access: Access,
    push: &Push,
    rival: &Rival,
) -> Result<Option<bool>, GitHubError> {
    let reference = match &push.fork {
        Some(_) => format!("refs/pull/{}/head", push.pull),
        None => push.branch.clone(),
    };
    let head = deps
        .github
        .commit(access, &push.repository, &reference)
        .await?;
    if head.is_ok_and(|head| head.sha == push.sha) {
        return Ok(Some(false));
    }
    let compared = deps
        .github
        .compare(access, &push.repository, &rival.sha, &push.sha)
        .await?;
    Ok(match compared.relation {
        Relation::Ahead => Some(false),
        Relation::Behind | Relation::Identical => Some(true),
        // A forced push was between them, and neither is where the branch is.
        Relation::Diverged => None,
    })
}

/// Epoch ms each; 0: unknown, and then nothing speaks against the push.
fn by_time(push: i64, rival: i64) -> bool {
    push != 0 && rival != 0 && push < rival
}

#[cfg(test)]
mod tests {
    use super::by_time;

    #[test]
    fn only_an_earlier_time_makes_a_push_older() {
        assert!(by_time(1, 2));
        assert!(!by_time(2, 2));
        assert!(!by_time(3, 2));
        assert!(!by_time(0, 2));
        assert!(!by_time(1, 0));
    }
}
