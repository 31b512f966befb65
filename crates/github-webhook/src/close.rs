//! Handler `ClosePullRequest`: the previews of a pull request that was closed are removed. What is on its way is ended,
//! what is up goes to sleep for good, and its host names go. It looks again until nothing is left: a deployment that is
//! just taking its traffic can only be put to sleep afterwards.

use crate::contexts::PREVIEW;
use crate::{Deps, Patience, push, steps};
use deployment_client::DeploymentClient;
use durable::{Preset, Stop, codes};
use github::Repository;
use github_webhook_client::GitHubWebhookClient;
use messages::hydra::v1 as msg;
use mysql::{Db, sql};
use restate_sdk::prelude::*;
use routing_client::RoutingClient;
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// Most that are removed at one look; the next one goes on.
const MOST: usize = 50;

/// A deployment of the pull request that has left something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
struct Preview {
    id: String,
    project_id: String,
    status: String,
    desired_state: String,
    /// It has host names of its own.
    routed: i64,
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removal {
    Cancel,
    Archive,
    Withdraw,
    /// It is between two states and will be in another one at the next look.
    Wait,
}

pub(crate) async fn close_pull_request(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    mut req: msg::ClosePullRequestRequest,
) -> Result<(), Stop> {
    let repository = push::repository(&req.repository_full_name)?;
    push::branch(&req.branch)?;
    if req.pr_number <= 0 {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            "The pull request has no number.",
        ));
    }
    if req.closed_at <= 0 {
        req.closed_at = durable::now!(ctx)?;
    }
    if !req.is_fork && another_is_open(deps, ctx, &repository, &req).await? {
        tracing::info!(
            pull = req.pr_number,
            "the branch has an open pull request and keeps its preview"
        );
        return Ok(());
    }
    let previews = durable::run!(
        ctx,
        steps::PREVIEWS,
        Preset::Database,
        previews(&deps.db, &req)
    )?;
    for preview in &previews {
        remove(deps, ctx, &req, preview).await?;
    }
    if previews.is_empty() {
        return Ok(());
    }
    req.looks = req.looks.saturating_add(1);
    if req.looks >= deps.timings.most_looks {
        tracing::warn!(
            pull = req.pr_number,
            left = previews.len(),
            "previews of a closed pull request could not be removed"
        );
        return Ok(());
    }
    let _sent = ctx
        .object_client::<GitHubWebhookClient<'_>>(ctx.key())
        .close_pull_request(req)
        .send_after(deps.timings.look_again);
    Ok(())
}

/// Whether the branch is that of another open pull request, or of this one again. Right after it was closed GitHub may
/// still call it open.
async fn another_is_open(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    repository: &Repository,
    req: &msg::ClosePullRequestRequest,
) -> Result<bool, Stop> {
    if deps.settings.allow_unauthenticated || !deps.github.has_app() {
        return Ok(false);
    }
    let (installation, owner) = (req.installation_id, repository.owner());
    let asked = durable::run!(
        ctx,
        steps::OTHER_PULL,
        Patience(deps.timings.github),
        async {
            let asked = deps
                .github
                .pull_of_branch(installation, repository, owner, &req.branch)
                .await;
            match asked {
                Err(error) if error.class() == github::Class::Unavailable => {
                    Err(Stop::retry(error))
                }
                Err(error) => {
                    tracing::warn!(%error, "GitHub does not tell of a branch's pull requests");
                    Ok(None)
                }
                Ok(found) => Ok(found),
            }
        }
    );
    let open = match asked {
        Err(stop) if stop.is_cancelled() => return Err(stop),
        // its patience is over
        Err(_) => None,
        Ok(open) => open,
    };
    Ok(open.is_some_and(|open| open != req.pr_number || req.looks > 0))
}

async fn remove(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    req: &msg::ClosePullRequestRequest,
    preview: &Preview,
) -> Result<(), Stop> {
    match removal(preview) {
        Removal::Wait => {}
        Removal::Cancel => {
            let actor = format!("the closing of pull request #{}", req.pr_number);
            let ended = durable::run!(
                ctx,
                steps::CANCEL,
                Patience(deps.timings.supersede),
                cancellation::cancel(&deps.db, &deps.admin, &preview.id, &actor)
            );
            match ended {
                Err(stop) if stop.is_cancelled() => return Err(stop),
                Err(stop) => {
                    tracing::warn!(deployment = preview.id, error = %stop, "a preview could not be ended yet");
                }
                Ok(_) => {}
            }
        }
        Removal::Archive => {
            let _sent = ctx
                .object_client::<DeploymentClient<'_>>(&preview.id)
                .schedule_desired_state_change(msg::ScheduleDesiredStateChangeRequest {
                    delay_millis: 0,
                    state: msg::DeploymentDesiredState::DEPLOYMENT_DESIRED_STATE_ARCHIVED.into(),
                })
                .send();
        }
        Removal::Withdraw => {
            let _sent = ctx
                .object_client::<RoutingClient<'_>>(&preview.project_id)
                .withdraw_routes(msg::WithdrawRoutesRequest {
                    deployment_id: preview.id.clone(),
                })
                .send();
        }
    }
    Ok(())
}

fn removal(preview: &Preview) -> Removal {
    match (preview.status.as_str(), preview.desired_state.as_str()) {
        ("ready" | "stopped", "archived") | ("failed" | "skipped", _) => Removal::Withdraw,
        ("ready" | "stopped", _) => Removal::Archive,
        ("finalizing", _) => Removal::Wait,
        _ => Removal::Cancel,
    }
}

/// The pull request's deployments that have left something, oldest first: those on their way, those that may run, and
/// those with host names of their own. Never one that serves.
async fn previews(db: &Db, req: &msg::ClosePullRequestRequest) -> Result<Vec<Preview>, Stop> {
    let own = match req.is_fork {
        true => "d.pr_number = ? AND d.fork_repository_full_name <> ''",
        false => "BINARY d.git_branch = ? AND COALESCE(d.fork_repository_full_name, '') = ''",
    };
    let sql = format!(
        "SELECT t.id, t.project_id, t.status, t.desired_state, t.routed FROM (
           SELECT d.pk, d.id, d.project_id, CAST(d.status AS CHAR) AS status, CAST(d.desired_state AS CHAR) AS desired_state,
                  EXISTS (SELECT 1 FROM frontline_routes f WHERE f.deployment_id = d.id
                          AND f.sticky IN ('none', 'branch', 'deployment')) AS routed
           FROM github_repo_connections g
           JOIN apps a ON a.id = g.app_id
           JOIN environments e ON e.app_id = a.id AND e.slug = '{PREVIEW}'
           JOIN deployments d ON d.project_id = a.project_id AND d.app_id = a.id AND d.environment_id = e.id
           WHERE g.installation_id = ? AND g.repository_id = ? AND d.created_at <= ? AND {own}
           AND NOT (a.current_deployment_id <=> d.id)
         ) t
         WHERE t.routed OR t.status NOT IN ('failed', 'skipped', 'ready', 'stopped')
            OR (t.status IN ('ready', 'stopped') AND t.desired_state <> 'archived')
         ORDER BY t.pk LIMIT {MOST}"
    );
    let of = match req.is_fork {
        true => req.pr_number.into(),
        false => req.branch.as_str().into(),
    };
    let values = [
        req.installation_id.into(),
        req.repository_id.into(),
        req.closed_at.into(),
        of,
    ];
    Ok(sql::all(db.primary(), &sql, values).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preview_is_removed_as_its_state_asks_for() {
        for (status, desired, removal) in [
            ("awaiting_approval", "running", Removal::Cancel),
            ("pending", "running", Removal::Cancel),
            ("building", "running", Removal::Cancel),
            ("network", "running", Removal::Cancel),
            ("finalizing", "running", Removal::Wait),
            ("ready", "running", Removal::Archive),
            ("ready", "standby", Removal::Archive),
            ("stopped", "standby", Removal::Archive),
            ("ready", "archived", Removal::Withdraw),
            ("stopped", "archived", Removal::Withdraw),
            ("failed", "running", Removal::Withdraw),
            ("skipped", "running", Removal::Withdraw),
        ] {
            let preview = Preview {
                id: "d".into(),
                project_id: "p".into(),
                status: status.into(),
                desired_state: desired.into(),
                routed: 1,
            };
            assert_eq!(super::removal(&preview), removal, "{status} {desired}");
        }
    }
}
