//! Handler `Settle`: a timer is due. What was said last and is not final gets the end that the deployment's row tells, so
//! that GitHub shows no deployment in progress whose worker is long gone.

use durable::Stop;
use github_status_client::GitHubStatusClient;
use messages::hydra::v1::{GitHubDeploymentState as State, GitHubStatusSettleRequest};
use mysql::{Db, DbError, sql};
use restate_sdk::context::{ContextClient, ObjectContext};
use sea_orm::FromQueryResult;

use crate::report::{self, is_final};
use crate::{Deps, state, steps};

pub(crate) async fn settle(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    nonce: String,
    req: GitHubStatusSettleRequest,
) -> Result<(), Stop> {
    let (Some(mut known), Some(github)) = (state::read(ctx).await?, &deps.github) else {
        return Ok(());
    };
    if known.timer.nonce != req.nonce {
        return Ok(());
    }
    known.timer.looks = known.timer.looks.saturating_add(1);
    if known.timer.looks > deps.timings.most_looks {
        tracing::warn!(
            deployment = ctx.key(),
            "a deployment's end is not told to GitHub"
        );
        state::clear(ctx);
        return Ok(());
    }
    let end = match known.timer.untold.take() {
        Some((number, text)) => state_of(number).map(|said| (said, text)),
        None => {
            let status = durable::run!(ctx, steps::LOOK, deps.timings, async {
                Ok::<Option<String>, Stop>(status(&deps.db, ctx.key()).await?)
            });
            match status {
                Ok(status) => end(status.as_deref()).map(|(said, text)| (said, text.to_owned())),
                // This is the only timer: without the next one nobody would look again.
                Err(stop) => {
                    arm(deps, ctx, &mut known, nonce);
                    state::write(ctx, &known);
                    return Err(stop);
                }
            }
        }
    };
    arm(deps, ctx, &mut known, nonce);
    state::write(ctx, &known);
    match end {
        Some((said, text)) => report::finish(deps, github, ctx, known, said, &text).await,
        None => Ok(()),
    }
}

/// Sends the next timer; the one before acts no more.
pub(crate) fn arm(deps: &Deps, ctx: &ObjectContext<'_>, known: &mut state::State, nonce: String) {
    known.timer.nonce.clone_from(&nonce);
    let _sent = ctx
        .object_client::<GitHubStatusClient<'_>>(ctx.key())
        .settle(GitHubStatusSettleRequest { nonce })
        .send_after(deps.timings.settle_after);
}

/// Status of a row that a newer one has superseded, or that there was nothing to do for.
pub(crate) const SKIPPED: &str = "skipped";

/// What GitHub is told of such a row.
pub(crate) fn skipped() -> (State, &'static str) {
    (
        State::GITHUB_DEPLOYMENT_STATE_INACTIVE,
        "Deployment was skipped",
    )
}

/// What GitHub is told of a row with this status; nothing while it is in work.
fn end(status: Option<&str>) -> Option<(State, &'static str)> {
    Some(match status {
        None => (
            State::GITHUB_DEPLOYMENT_STATE_INACTIVE,
            "Deployment was deleted",
        ),
        Some("ready" | "stopped") => (State::GITHUB_DEPLOYMENT_STATE_SUCCESS, "Deployment is live"),
        Some("failed") => (State::GITHUB_DEPLOYMENT_STATE_FAILURE, "Deployment failed"),
        Some(SKIPPED) => skipped(),
        Some(_) => return None,
    })
}

fn state_of(number: i32) -> Option<State> {
    [
        State::GITHUB_DEPLOYMENT_STATE_SUCCESS,
        State::GITHUB_DEPLOYMENT_STATE_FAILURE,
        State::GITHUB_DEPLOYMENT_STATE_ERROR,
        State::GITHUB_DEPLOYMENT_STATE_INACTIVE,
    ]
    .into_iter()
    .find(|said| *said as i32 == number && is_final(*said))
}

pub(crate) async fn status(db: &Db, deployment_id: &str) -> Result<Option<String>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        status: String,
    }
    let sql = "SELECT CAST(status AS CHAR) AS status FROM deployments WHERE id = ?";
    let row: Option<Row> = sql::one(db.primary(), sql, [deployment_id.into()]).await?;
    Ok(row.map(|r| r.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_that_is_an_end_is_told_and_no_other() {
        for status in ["ready", "stopped", "failed", "skipped"] {
            assert!(
                end(Some(status)).is_some_and(|(s, _)| is_final(s)),
                "{status}"
            );
        }
        assert!(end(None).is_some_and(|(s, _)| is_final(s)));
        for status in [
            "pending",
            "starting",
            "building",
            "deploying",
            "network",
            "finalizing",
            "awaiting_approval",
        ] {
            assert_eq!(end(Some(status)), None, "{status}");
        }
    }
}
