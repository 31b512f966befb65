//! How a build ends at the builder: decided once, told until the builder has heard it.

use crate::build::stop;
use crate::{Deps, names, ticket};
use builder::{BuildError, Builder, Outcome};
use durable::{Preset, Stop};
use messages::hydra::v1 as msg;
use mysql::{now_ms, sql};
use restate_sdk::prelude::*;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With an image.
    Success,
    /// Without, for this reason.
    Failed(String),
    /// Nobody wanted it any more.
    Canceled,
}

impl Ended {
    fn word(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed(_) => "failed",
            Self::Canceled => "canceled",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed(text) => Some(text),
            Self::Success | Self::Canceled => None,
        }
    }
}

/// Decides how it ends, unless that was decided before, and tells the builder.
pub(crate) async fn finish(
    deps: &Deps,
    builder: &dyn Builder,
    deployment_id: &str,
    build_id: &str,
    ended: &Ended,
) -> Result<(), Stop> {
    let db = deps.db.primary();
    sql::execute(
        db,
        "UPDATE ctrl_worker_builds SET outcome = ?, reason = ? WHERE deployment_id = ? AND build_id = ? AND outcome IS NULL",
        [
            ended.word().into(),
            ended.reason().into(),
            deployment_id.into(),
            build_id.into(),
        ],
    )
    .await?;
    let Some(row) = ticket::find(&deps.db, deployment_id).await? else {
        return Ok(());
    };
    if row.build_id != build_id || row.finished_at.is_some() {
        return Ok(());
    }
    let outcome = match row.outcome.as_deref() {
        Some("success") => Outcome::Success,
        Some("failed") => Outcome::Failed(row.reason.clone().unwrap_or_default()),
        _ => Outcome::Canceled,
    };
    match builder
        .finish(&ticket::open(&deps.sealing, deployment_id, &row)?, &outcome)
        .await
    {
        Ok(()) => {}
        Err(error @ BuildError::RateLimited { .. }) => return Err(stop(error)),
        Err(error) if error.is_transient() => return Err(stop(error)),
        // Gone at the builder, or ended there by itself: it will not say more the next time.
        Err(error) => {
            tracing::warn!(build = build_id, %error, "the builder does not take the end of a build")
        }
    }
    sql::execute(
        db,
        "UPDATE ctrl_worker_builds SET finished_at = ?, sealed_token = '' WHERE deployment_id = ? AND build_id = ?",
        [now_ms().into(), deployment_id.into(), build_id.into()],
    )
    .await?;
    Ok(())
}

/// Handler `Close`: sent by a caller that has given up. An object is one at a time, so no build of this deployment runs now.
pub(crate) async fn close(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    _req: msg::CloseBuildRequest,
) -> Result<msg::CloseBuildResponse, Stop> {
    if let Some(builder) = &deps.builder {
        durable::run!(
            ctx,
            names::FINISH,
            Preset::Outside,
            close_open(deps, builder.as_ref(), ctx.key())
        )?;
    }
    Ok(msg::CloseBuildResponse {})
}

async fn close_open(deps: &Deps, builder: &dyn Builder, deployment_id: &str) -> Result<(), Stop> {
    match ticket::find(&deps.db, deployment_id).await? {
        Some(row) if row.finished_at.is_none() => {
            finish(
                deps,
                builder,
                deployment_id,
                &row.build_id,
                &Ended::Canceled,
            )
            .await
        }
        _ => Ok(()),
    }
}
