//! The step that builds: long, watched, and done with when the deployment does not want its image any more.

use crate::build::{image, pause, stop};
use crate::subject::{Subject, wanted};
use crate::{Deps, Owner, ticket, variables};
use builder::{BuildError, Builder, Built, Event, Order, Registry, Secret, Sink, Source};
use durable::{Stop, codes};
use github::{Class, GitHubError, Permissions, Repository};
use messages::hydra::v1::BuildRequest;
use mysql::now_ms;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ran {
    /// The image is in the registry.
    Built,
    /// There is none, for this reason; for the customer.
    Failed(String),
    /// There is none, for a reason of the installation's.
    Refused(String),
    /// Nobody wants it any more.
    Canceled,
}

/// Steps and lines on their way to the log, with their owner.
struct Tagged<'a> {
    deps: &'a Deps,
    owner: Owner,
}

impl Sink for Tagged<'_> {
    fn emit(&self, event: Event) {
        self.deps.log.event(&self.owner, event);
    }
}

/// Why a build is told to stop.
enum Why {
    Unwanted,
    Late,
}

pub(crate) async fn run(
    deps: &Deps,
    builder: &dyn Builder,
    subject: &Subject,
    req: &BuildRequest,
    source: &Source,
) -> Result<Ran, Stop> {
    let id = req.deployment_id.as_str();
    let Some(row) = ticket::find(&deps.db, id).await? else {
        return Ok(Ran::Refused(
            "The record of a build that had begun is gone. Deploy again.".to_owned(),
        ));
    };
    if !wanted(&deps.db, id).await? {
        return Ok(Ran::Canceled);
    }
    if now_ms() >= row.deadline_at {
        return Ok(Ran::Failed(late(deps)));
    }
    let ticket = ticket::open(&deps.sealing, id, &row)?;
    let order = Order {
        image: image(deps, &subject.project_id, id),
        source: source.clone(),
        platform: deps.settings.platform,
        git_token: token(deps, req).await?,
        env: variables::open(deps, &subject.environment_id, id).await?,
        registry: Registry {
            username: deps.settings.username.clone(),
            password: deps.settings.password.clone(),
            insecure: deps.settings.insecure,
        },
    };
    let sink = Tagged {
        deps,
        owner: Owner {
            workspace_id: subject.workspace_id.clone(),
            project_id: subject.project_id.clone(),
            deployment_id: id.to_owned(),
        },
    };
    let end = CancellationToken::new();
    let mut work = builder.run(&ticket, &order, &sink, &end);
    let why = tokio::select! {
        result = &mut work => return outcome(result).await,
        why = watch(deps, id, row.deadline_at) => why,
    };
    end.cancel();
    let result = tokio::time::timeout(deps.timings.stop_grace, work).await;
    match (why, result) {
        (Why::Unwanted, _) => Ok(Ran::Canceled),
        // It was faster than its end.
        (Why::Late, Ok(Ok(Built { .. }))) => Ok(Ran::Built),
        (Why::Late, _) => Ok(Ran::Failed(late(deps))),
    }
}

async fn outcome(result: Result<Built, BuildError>) -> Result<Ran, Stop> {
    match result {
        Ok(_) => Ok(Ran::Built),
        Err(BuildError::Customer { public, text }) => {
            tracing::info!(reason = text, "a build failed");
            Ok(Ran::Failed(public))
        }
        Err(BuildError::Order(text)) => Ok(Ran::Failed(text)),
        // Ours is cancelled only after a look at the deployment; this is somebody at the builder.
        Err(BuildError::Canceled) => Ok(Ran::Failed(
            "The build was cancelled at the builder. Deploy again.".to_owned(),
        )),
        Err(BuildError::RateLimited { until_ms }) => {
            wait(pause(until_ms, now_ms())).await;
            Err(stop(BuildError::RateLimited { until_ms }))
        }
        Err(error) if error.is_transient() => Err(stop(error)),
        Err(error) => {
            tracing::error!(%error, "the builder refuses");
            Ok(Ran::Refused(
                "The builder does not accept what this installation asks for. The operator has to look at its settings.".to_owned(),
            ))
        }
    }
}

/// Ends when the build is to stop. A database that cannot be asked has said nothing.
async fn watch(deps: &Deps, id: &str, deadline_at: i64) -> Why {
    loop {
        wait(deps.timings.look_every).await;
        if now_ms() >= deadline_at {
            return Why::Late;
        }
        if matches!(wanted(&deps.db, id).await, Ok(false)) {
            return Why::Unwanted;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "inside a step")]
async fn wait(pause: std::time::Duration) {
    tokio::time::sleep(pause).await;
}

fn late(deps: &Deps) -> String {
    format!(
        "The build took longer than {} minutes and was ended. Make it faster, for example with cached layers, and deploy again.",
        deps.timings.build_timeout.as_secs().div_ceil(60)
    )
}

/// What the repository is fetched with: good for reading this one alone. None for a stranger's code.
async fn token(deps: &Deps, req: &BuildRequest) -> Result<Option<Secret>, Stop> {
    if req.is_fork || deps.settings.allow_unauthenticated || req.installation_id == 0 {
        return Ok(None);
    }
    let repository = Repository::parse(&req.repository)
        .map_err(|bad| Stop::fault(codes::INVALID_REQUEST, bad.to_string()))?;
    let token = deps
        .github
        .token(req.installation_id, &repository, Permissions::READ)
        .await;
    token
        .map(|t| Some(Secret::new(t.expose())))
        .map_err(github_stop)
}

fn github_stop(error: GitHubError) -> Stop {
    match error.class() {
        Class::Unavailable | Class::RateLimited { .. } => Stop::retry(error),
        _ => {
            tracing::error!(%error, "GitHub gives no token for a build");
            Stop::fault(
                codes::COMMIT_NOT_FOUND,
                "GitHub does not let the App read this repository. Check in GitHub whether the App is installed for it.",
            )
        }
    }
}
