//! Handler `Delete`: one round. Traffic away, settings away, work cancelled, workloads stopped; then what the edge has
//! let go of is deleted. What is not gone yet is for the next round.

use crate::finish::{self, End};
use crate::owner::{self, Found, Owner};
use crate::running::{self, Stopped};
use crate::{Deps, deployments, domains, settings, steps, traffic};
use durable::{Preset, Stop};
use environment_client::EnvironmentClient;
use messages::hydra::v1::{DeleteEnvironmentRequest, DeleteEnvironmentResponse};
use restate_sdk::context::{ContextClient as _, ObjectContext};
use serde::{Deserialize, Serialize};
use teardown::protection;
use teardown::rounds::{self, Round};

/// Chunks of one kind in one round: a bound for its journal.
const MOST_CHUNKS: usize = 40;

/// What the object remembers beside the round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    owner: Owner,
    /// When the last sentinel was archived, epoch milliseconds; 0 while none was.
    archived_at: i64,
}

pub(crate) async fn delete(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    nonce: String,
) -> Result<DeleteEnvironmentResponse, Stop> {
    let again = |(header, nonce), pause| {
        let _ = ctx
            .object_client::<EnvironmentClient<'_>>(ctx.key())
            .delete(DeleteEnvironmentRequest::default())
            .header(header, nonce)
            .send_after(pause);
    };
    rounds::run(
        ctx,
        &deps.timings,
        nonce,
        |before| round(deps, ctx, before),
        again,
    )
    .await?;
    Ok(DeleteEnvironmentResponse::default())
}

async fn round(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    before: Option<Memory>,
) -> Result<Round<Memory>, Stop> {
    let (db, admin, key) = (&deps.db, &deps.admin, ctx.key());
    let found = durable::run!(ctx, steps::FIND, Preset::Database, owner::find(db, key))?;
    let mut memory = match (found, before) {
        (Found::Protected(list), _) => match protection::refusal("environment", key, &list) {
            Some(fault) => return Err(fault.into()),
            None => return Ok(Round::Nothing),
        },
        (Found::Environment(owner), before) => Memory {
            owner,
            archived_at: before.map_or(0, |m| m.archived_at),
        },
        (Found::Missing, Some(memory)) => memory,
        (Found::Missing, None) => return Ok(Round::Nothing),
    };
    let owner = memory.owner.clone();
    let owner = &owner;

    detach(deps, ctx, owner).await?;
    durable::run!(
        ctx,
        steps::SETTINGS,
        Preset::Database,
        settings::delete(db, owner)
    )?;
    durable::run!(
        ctx,
        steps::CANCEL,
        Preset::Database,
        running::cancel(db, admin, owner)
    )?;
    for _ in 0..MOST_CHUNKS {
        if !durable::run!(ctx, steps::END, Preset::Database, running::end(db, owner))? {
            break;
        }
    }
    for _ in 0..MOST_CHUNKS {
        match durable::run!(ctx, steps::STOP, Preset::Database, running::stop(db, owner))? {
            Stopped::All => break,
            Stopped::Some => {}
            Stopped::RoutesFirst => detach(deps, ctx, owner).await?,
        }
    }
    let since = memory.archived_at;
    memory.archived_at = durable::run!(
        ctx,
        steps::ARCHIVE,
        Preset::Database,
        running::archive_sentinels(db, owner, since)
    )?;
    for _ in 0..MOST_CHUNKS {
        if !durable::run!(
            ctx,
            steps::DOMAINS,
            Preset::Database,
            domains::delete(db, admin, owner)
        )? {
            break;
        }
    }
    for _ in 0..MOST_CHUNKS {
        if !durable::run!(
            ctx,
            steps::DEPLOYMENTS,
            Preset::Database,
            deployments::delete(db, &deps.timings, owner)
        )? {
            break;
        }
    }
    let end = durable::run!(
        ctx,
        steps::ENVIRONMENT,
        Preset::Database,
        finish::delete(db, &deps.timings, owner, memory.archived_at)
    )?;
    match end {
        End::Gone => Ok(Round::Gone(memory)),
        End::Waits(for_what) => {
            tracing::info!(for_what, "the delete of the environment goes on later");
            Ok(Round::Waits(memory))
        }
    }
}

async fn detach(deps: &Deps, ctx: &ObjectContext<'_>, owner: &Owner) -> Result<(), Stop> {
    for _ in 0..MOST_CHUNKS {
        if !durable::run!(
            ctx,
            steps::ROUTES,
            Preset::Database,
            traffic::detach(&deps.db, owner)
        )? {
            break;
        }
    }
    Ok(())
}
