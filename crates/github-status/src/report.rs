//! Handler `ReportStatus`: one more status, and the line of the comment. A final one ends the object.

use durable::Stop;
use github::{DeploymentState, GitHub, NewStatus, Repository};
use github_comment_client::GitHubCommentClient;
use messages::hydra::v1::SetCommentRowRequest;
use messages::hydra::v1::{GitHubDeploymentState as State, GitHubStatusReportRequest};
use restate_sdk::context::{ContextClient, ObjectContext};

use crate::told::{Told, given_up, told};
use crate::{Deps, comment, settle, state, steps, table};

pub(crate) async fn report(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    req: GitHubStatusReportRequest,
) -> Result<(), Stop> {
    let (Some(known), Some(github)) = (state::read(ctx).await?, &deps.github) else {
        return Ok(());
    };
    let said = req
        .state
        .as_known()
        .unwrap_or(State::GITHUB_DEPLOYMENT_STATE_UNSPECIFIED);
    // A superseded deployment ends as one that failed does; that it is none only its row knows.
    let skipped = said == State::GITHUB_DEPLOYMENT_STATE_FAILURE && {
        let status = durable::run!(ctx, steps::LOOK, deps.timings, async {
            Ok::<Option<String>, Stop>(settle::status(&deps.db, ctx.key()).await?)
        });
        match status {
            Ok(status) => status.as_deref() == Some(settle::SKIPPED),
            Err(stop) if stop.is_cancelled() => return Err(stop),
            // told as it was reported is better than not told
            Err(_) => false,
        }
    };
    let (said, description) = if skipped {
        settle::skipped()
    } else {
        (said, req.description.as_str())
    };
    finish(deps, github, ctx, known, said, description).await
}

/// Tells of a state; of a final one that GitHub did not take the timer tells again.
pub(crate) async fn finish(
    deps: &Deps,
    github: &GitHub,
    ctx: &ObjectContext<'_>,
    mut known: state::State,
    said: State,
    description: &str,
) -> Result<(), Stop> {
    let Ok(repository) = Repository::parse(&known.config.repo) else {
        state::clear(ctx);
        return Ok(());
    };
    let taken = tell(deps, github, ctx, &repository, &known, said, description).await?;
    if !is_final(said) {
        return Ok(());
    }
    if taken {
        state::clear(ctx);
    } else {
        known.timer.untold = Some((said as i32, description.to_owned()));
        state::write(ctx, &known);
    }
    Ok(())
}

/// Adds the status and sends the line; gives whether GitHub has taken, or will never take, the status.
pub(crate) async fn tell(
    deps: &Deps,
    github: &GitHub,
    ctx: &ObjectContext<'_>,
    repository: &Repository,
    known: &state::State,
    said: State,
    description: &str,
) -> Result<bool, Stop> {
    let config = &known.config;
    let mut taken = true;
    if known.deployment > 0 {
        let (installation, deployment) = (config.installation_id, known.deployment);
        let status = NewStatus {
            state: in_githubs_words(said),
            description,
            environment_url: &config.environment_url,
            log_url: &config.log_url,
        };
        let answer = durable::run!(ctx, steps::STATUS, deps.timings, async {
            told(
                github
                    .deployment_status(installation, repository, deployment, status)
                    .await,
            )
        });
        let retried_out = matches!(&answer, Err(stop) if !stop.is_cancelled());
        let answer = given_up(answer)?;
        taken = !retried_out && !matches!(answer, Told::Later(_));
        let _told = answer.done("add a deployment status");
    }
    // The line of a pull request is the newest deployment's; who ends in favour of a newer one leaves it alone.
    if known.pull > 0 && said != State::GITHUB_DEPLOYMENT_STATE_INACTIVE {
        // A line without its date is none; what GitHub is told of the deployment must not hang on it.
        let now = match durable::now!(ctx) {
            Ok(now) => now,
            Err(stop) if stop.is_cancelled() => return Err(stop),
            Err(stop) => {
                tracing::warn!(error = %stop, "the line of the pull request stays as it is");
                return Ok(taken);
            }
        };
        let line = table::Line {
            app: &config.app_slug,
            environment: &config.env_slug,
            project: &config.project_slug,
            state: said,
            preview_url: &config.environment_url,
            log_url: &config.log_url,
            updated: now,
        };
        let row = SetCommentRowRequest {
            installation_id: config.installation_id,
            repo: repository.to_string(),
            pull: known.pull,
            row: table::name(&config.app_slug, &config.env_slug),
            text: line.row(),
        };
        let _sent = ctx
            .object_client::<GitHubCommentClient<'_>>(comment::key(repository, known.pull))
            .set_row(row)
            .send();
    }
    Ok(taken)
}

/// Whether nothing follows.
pub(crate) fn is_final(said: State) -> bool {
    matches!(
        said,
        State::GITHUB_DEPLOYMENT_STATE_SUCCESS
            | State::GITHUB_DEPLOYMENT_STATE_FAILURE
            | State::GITHUB_DEPLOYMENT_STATE_ERROR
            | State::GITHUB_DEPLOYMENT_STATE_INACTIVE
    )
}

fn in_githubs_words(said: State) -> DeploymentState {
    match said {
        State::GITHUB_DEPLOYMENT_STATE_PENDING => DeploymentState::Pending,
        State::GITHUB_DEPLOYMENT_STATE_SUCCESS => DeploymentState::Success,
        State::GITHUB_DEPLOYMENT_STATE_FAILURE => DeploymentState::Failure,
        State::GITHUB_DEPLOYMENT_STATE_ERROR => DeploymentState::Error,
        State::GITHUB_DEPLOYMENT_STATE_INACTIVE => DeploymentState::Inactive,
        State::GITHUB_DEPLOYMENT_STATE_QUEUED => DeploymentState::Queued,
        _ => DeploymentState::InProgress,
    }
}
