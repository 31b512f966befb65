//! Handler `Init`: the deployment at GitHub, the pull request, the first status, and the timer that sees to the end.

use durable::{Preset, Stop};
use github::{GitHub, NewDeployment, Repository};
use messages::hydra::v1::{GitHubDeploymentState, GitHubStatusInitRequest};
use mysql::{Db, DbError, now_ms, sql};
use restate_sdk::context::ObjectContext;

use crate::state::{self, Config, State};
use crate::told::{given_up, told};
use crate::{Deps, report, settle, steps};

/// What the first status says.
const QUEUED: &str = "Deployment queued";

pub(crate) async fn init(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    nonce: String,
    req: GitHubStatusInitRequest,
) -> Result<(), Stop> {
    let config = Config::from(req);
    if config.installation_id == 0 || config.repo.is_empty() {
        return Ok(());
    }
    let repository = match Repository::parse(&config.repo) {
        Ok(repository) => repository,
        Err(bad) => {
            tracing::warn!(error = %bad, "nothing is told to GitHub");
            return Ok(());
        }
    };
    let Some(github) = &deps.github else {
        return Ok(());
    };
    let mut known = State {
        pull: i64::from(config.pr_number),
        deployment: config.existing_github_deployment_id,
        config,
        ..State::default()
    };
    if known.deployment <= 0 && !known.config.commit_sha.is_empty() {
        known.deployment = create(deps, ctx, github, &repository, &known.config).await?;
    }
    if known.pull <= 0 && !known.config.branch.is_empty() {
        let (installation, branch) = (known.config.installation_id, &known.config.branch);
        let found = durable::run!(ctx, steps::PULL, deps.timings, async {
            let owner = repository.owner();
            told(
                github
                    .pull_of_branch(installation, &repository, owner, branch)
                    .await,
            )
        });
        let found = given_up(found)?.done("find the pull request");
        known.pull = found.flatten().unwrap_or(0);
    }
    let pending = GitHubDeploymentState::GITHUB_DEPLOYMENT_STATE_PENDING;
    report::tell(deps, github, ctx, &repository, &known, pending, QUEUED).await?;
    settle::arm(deps, ctx, &mut known, nonce);
    state::write(ctx, &known);
    Ok(())
}

/// Number of the deployment at GitHub, also in our own row; 0 where GitHub will not have it.
async fn create(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    github: &GitHub,
    repository: &Repository,
    config: &Config,
) -> Result<i64, Stop> {
    let new = NewDeployment {
        sha: &config.commit_sha,
        environment: &config.environment_label,
        description: "Deploying...",
        is_production: config.is_production,
        mark: ctx.key(),
    };
    let installation = config.installation_id;
    let made = durable::run!(ctx, steps::DEPLOYMENT, deps.timings, async {
        told(
            github
                .ensure_deployment(installation, repository, new)
                .await,
        )
    });
    let made = given_up(made)?.done("create the deployment").unwrap_or(0);
    if made > 0 {
        let written = durable::run!(ctx, steps::PERSIST, Preset::Periodic, async {
            Ok::<u64, Stop>(persist(&deps.db, ctx.key(), made).await?)
        });
        match written {
            Err(stop) if stop.is_cancelled() => return Err(stop),
            // it is known here, which is what the statuses need
            Err(stop) => tracing::warn!(error = %stop, "the number at GitHub is not in our row"),
            Ok(_) => {}
        }
    }
    Ok(made)
}

async fn persist(db: &Db, deployment_id: &str, number: i64) -> Result<u64, DbError> {
    let sql = "UPDATE deployments SET github_deployment_id = ?, updated_at = ? WHERE id = ?";
    let values = [number.into(), now_ms().into(), deployment_id.into()];
    mysql::retry(|| sql::execute(db.primary(), sql, values.clone())).await
}
