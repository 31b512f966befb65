//! Handler `Build`: begin, run, finish.

use crate::finish::{Ended, finish};
use crate::run::{Ran, run};
use crate::{Deps, names, subject, ticket};
use build_client::BuildClient;
use builder::{BuildError, Builder, Source};
use durable::{Preset, Stop, codes};
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;
use std::time::Duration;

pub(crate) async fn build(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    req: msg::BuildRequest,
) -> Result<msg::BuildResponse, Stop> {
    let id = req.deployment_id.as_str();
    if id.is_empty() || id != ctx.key() {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            "`deployment_id` is empty or is not the key. Send the id of a row of `deployments` to the object of that id.",
        ));
    }
    let Some(builder) = &deps.builder else {
        return Err(Stop::fault(
            codes::BUILDS_UNAVAILABLE,
            "This installation cannot build from a Git source: no builder is configured. Deploy an image instead, or ask the operator to configure a builder.",
        ));
    };
    let source = match source(deps, &req) {
        Ok(source) => source,
        Err(text) => return Ok(failed(text)),
    };
    let subject = durable::run!(
        ctx,
        names::LOAD,
        Preset::Database,
        subject::load(&deps.db, id)
    )?;

    // One object per project makes it, so that two first builds share one.
    let project = match subject.needs_project(builder.kind()) {
        None => subject.depot_project_id.clone(),
        Some(project_id) => {
            let made = ctx
                .object_client::<BuildClient<'_>>(project_id)
                .resolve_project(msg::ResolveBuildProjectRequest {})
                .call()
                .await?;
            Some(made.project_id).filter(|p| !p.is_empty())
        }
    };
    let begun = durable::run!(
        ctx,
        names::BEGIN,
        Preset::Outside,
        ticket::begin(deps, builder.as_ref(), id, project.as_deref())
    )?;
    let ran = durable::run!(
        ctx,
        names::RUN,
        Preset::Build,
        Box::pin(run(deps, builder.as_ref(), &subject, &req, &source))
    );
    let ended = match &ran {
        Ok(Ran::Built) => Ended::Success,
        Ok(Ran::Failed(text) | Ran::Refused(text)) => Ended::Failed(text.clone()),
        Ok(Ran::Canceled) => Ended::Canceled,
        Err(stop) if stop.is_cancelled() => Ended::Canceled,
        Err(stop) => Ended::Failed(stop.public_text()),
    };
    let mut told = tell(deps, ctx, builder.as_ref(), &begun.build_id, &ended).await;
    let cancelled = told.as_ref().is_err_and(Stop::is_cancelled);
    if cancelled {
        // It arrived in between; the builder is to hear of the end all the same.
        told = tell(deps, ctx, builder.as_ref(), &begun.build_id, &ended).await;
    }
    // The image is there, or there is none, whatever the builder says to that; the sweep tells it once more.
    if let Err(stop) = told {
        tracing::warn!(build = begun.build_id, error = %stop, "the builder was not told how a build ended");
    }
    if cancelled {
        return Err(TerminalError::new_with_code(409, "cancelled").into());
    }
    match ran? {
        Ran::Built => Ok(msg::BuildResponse {
            image: image(deps, &subject.project_id, id),
            build_id: begun.build_id,
            error: String::new(),
        }),
        Ran::Failed(text) => Ok(failed(text)),
        Ran::Refused(text) => Err(Stop::fault(codes::BUILDER_REFUSED, text)),
        Ran::Canceled => Err(Stop::fault(
            codes::CONFLICT,
            "The deployment was ended by somebody else while its image was built.",
        )),
    }
}

async fn tell(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    builder: &dyn Builder,
    build_id: &str,
    ended: &Ended,
) -> Result<(), Stop> {
    durable::run!(
        ctx,
        names::FINISH,
        Preset::Outside,
        finish(deps, builder, ctx.key(), build_id, ended)
    )
}

fn failed(text: String) -> msg::BuildResponse {
    msg::BuildResponse {
        error: text,
        ..Default::default()
    }
}

fn source(deps: &Deps, req: &msg::BuildRequest) -> Result<Source, String> {
    Source::new(
        &deps.settings.git_url,
        &req.repository,
        &req.commit_sha,
        &req.context_path,
        &req.dockerfile_path,
    )
    .map_err(|bad| bad.to_string())
}

/// Name of a deployment's image.
pub(crate) fn image(deps: &Deps, project_id: &str, deployment_id: &str) -> String {
    format!("{}:{project_id}-{deployment_id}", deps.settings.repository)
}

/// Within a step: what may go well the next time is tried again, the rest is terminal.
pub(crate) fn stop(error: BuildError) -> Stop {
    match error {
        error if error.is_transient() => Stop::retry(error),
        error => Stop::fault(codes::BUILDER_REFUSED, error.to_string()),
    }
}

/// How long the builder asks to be left alone, at most half a minute: the step's own retries do the rest.
pub(crate) fn pause(until_ms: Option<i64>, now: i64) -> Duration {
    let left = until_ms
        .map_or(0, |until| until.saturating_sub(now))
        .clamp(0, 30_000);
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}
