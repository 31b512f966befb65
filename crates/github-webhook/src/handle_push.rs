//! Handler `HandlePush`: for each app of the repository one deployment, or a reason for none. What goes wrong with one
//! app does not keep the others from theirs.

use crate::contexts::{self, Context, MOST_APPS};
use crate::insert::{self, Known, Outcome};
use crate::place::Rival;
use crate::push::{self, Push};
use crate::watch::{self, Files};
use crate::{Deps, approval, changed, older, order, steps};
use deploy_client::DeployClient;
use durable::{Preset, Stop, codes};
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;

/// Starts over at most so often for one app, each time because its newest deployment became another one.
const ROUNDS: usize = 5;

pub(crate) async fn handle_push(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    nonce: &str,
    req: msg::HandlePushRequest,
) -> Result<(), Stop> {
    let push = push::read(req, nonce)?;
    let mut apps = durable::run!(
        ctx,
        steps::LIST,
        Preset::Database,
        contexts::list(&deps.db, &push)
    )?;
    let mut trouble = Trouble::default();
    if apps.len() > MOST_APPS {
        apps.truncate(MOST_APPS);
        trouble.note(
            "the rest",
            format!("more than {MOST_APPS} apps are connected to the repository"),
        );
    }
    let mut contexts = Vec::new();
    for app in &apps {
        let loaded = durable::run!(
            ctx,
            steps::LOAD,
            Preset::Database,
            contexts::load(&deps.db, &push, app)
        );
        match loaded {
            Ok(Some(context)) => contexts.push(context),
            Ok(None) => tracing::info!(app, "an app without this environment is not deployed"),
            Err(stop) => trouble.take(app, stop)?,
        }
    }
    // Asked at most once, for the first app that wants to know.
    let mut files: Option<Files> = None;
    for context in &contexts {
        let concerned = match context.watch_paths.is_empty() {
            true => true,
            false => {
                if files.is_none() {
                    let found = changed::files(deps, ctx, &push, &context.default_branch).await?;
                    files = Some(found);
                }
                let none = Files::default();
                watch::concerns(&context.watch_paths, files.as_ref().unwrap_or(&none))
            }
        };
        if let Err(stop) = deploy(deps, ctx, &push, context, concerned).await {
            trouble.take(&context.app_id, stop)?;
        }
    }
    trouble.end()
}

/// One app's part.
async fn deploy(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    push: &Push,
    context: &Context,
    concerned: bool,
) -> Result<(), Stop> {
    let mut verdict: Option<(Rival, bool)> = None;
    for _ in 0..ROUNDS {
        let known = Known {
            concerned,
            // Whoever can open a pull request could run code here.
            needs_approval: push.fork.is_some() || deps.settings.force_approval,
            verdict: verdict.as_ref(),
        };
        let outcome = durable::run!(
            ctx,
            steps::INSERT,
            Preset::Database,
            insert::insert(&deps.db, push, context, known)
        )?;
        match outcome {
            Outcome::Deploy { id, older } => {
                older::supersede(deps, ctx, &older, &id).await?;
                send(ctx, push, context, id);
                return Ok(());
            }
            Outcome::Approve { id } => {
                return approval::ask_for_it(deps, ctx, push, context, &id).await;
            }
            Outcome::Done => return Ok(()),
            Outcome::Ask(rival) => {
                let later = order::is_older(deps, ctx, push, &rival).await?;
                verdict = Some((rival, later));
            }
        }
    }
    Err(Stop::fault(
        codes::CONFLICT,
        "The newest deployment of the branch became another one each time it was looked at. Push again.",
    ))
}

/// The key keeps a delivery that comes again from sending it twice; a second one would find the first's run and end.
fn send(ctx: &ObjectContext<'_>, push: &Push, context: &Context, id: String) {
    let source = msg::GitSource {
        installation_id: push.installation,
        repository: context.repository.clone(),
        commit_sha: push.sha.clone(),
        context_path: context.docker_context.clone(),
        dockerfile_path: context.dockerfile.clone(),
        pr_number: push.pull,
        ..msg::GitSource::default()
    };
    let request = msg::DeployRequest {
        deployment_id: id.clone(),
        source: Some(source.into()),
        ..msg::DeployRequest::default()
    };
    let _sent = ctx
        .object_client::<DeployClient<'_>>(&context.workspace_id)
        .deploy(request)
        .idempotency_key(id)
        .send();
}

/// What went wrong with single apps, for the end.
#[derive(Default)]
struct Trouble {
    count: usize,
    first: String,
}

impl Trouble {
    /// Notes an app's failure. A cancellation is everybody's, and goes on.
    fn take(&mut self, app: &str, stop: Stop) -> Result<(), Stop> {
        if stop.is_cancelled() || matches!(stop, Stop::Retry(_)) {
            return Err(stop);
        }
        self.note(app, stop.to_string());
        Ok(())
    }

    fn note(&mut self, app: &str, why: String) {
        tracing::error!(app, error = why, "a push could not be made a deployment");
        if self.count == 0 {
            self.first = format!("{app}: {why}");
        }
        self.count += 1;
    }

    fn end(self) -> Result<(), Stop> {
        match self.count {
            0 => Ok(()),
            count => Err(Stop::fault(
                codes::RETRIES_EXHAUSTED,
                format!(
                    "{count} of the repository's apps got no deployment of this push; the others did. {}",
                    self.first
                ),
            )),
        }
    }
}
