//! A commit that waits for an approval says so on GitHub, with the way to it.

use crate::contexts::Context;
use crate::push::Push;
use crate::{Deps, Patience, steps};
use durable::Stop;
use github::{Class, CommitState, NewCheck};
use restate_sdk::prelude::*;

/// Name of the check; the control API ends it under the same one.
const CHECK: &str = "Unkey Deploy Authorization";

/// Tells GitHub. Not being heard changes nothing: the deployment waits all the same.
pub(crate) async fn ask_for_it(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    push: &Push,
    context: &Context,
    deployment_id: &str,
) -> Result<(), Stop> {
    if deps.settings.allow_unauthenticated || !deps.github.has_app() {
        return Ok(());
    }
    let url = format!(
        "{}/{}/projects/{}/deployments/{deployment_id}",
        deps.settings.dashboard_url.trim_end_matches('/'),
        context.workspace_slug,
        context.project_id,
    );
    let check = NewCheck {
        state: CommitState::Failure,
        context: CHECK,
        description: "Awaiting authorization from a project member",
        target_url: &url,
    };
    let told = durable::run!(ctx, steps::APPROVAL, Patience(deps.timings.github), async {
        let told = deps
            .github
            .commit_status(push.installation, &push.repository, &push.sha, check)
            .await;
        match told {
            Err(error) if error.class() == Class::Unavailable => Err(Stop::retry(error)),
            Err(error) => {
                tracing::warn!(%error, "GitHub is not told that a commit waits for its approval");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    });
    match told {
        Err(stop) if stop.is_cancelled() => Err(stop),
        Err(stop) => {
            tracing::warn!(error = %stop, "GitHub is not told that a commit waits for its approval");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
