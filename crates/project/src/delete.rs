//! Handler `Delete`: one round. The apps that are left are told to go; when there is none any more the project goes.

use crate::owner::{self, Found, Owner};
use crate::{Deps, finish, steps};
use app_client::AppClient;
use durable::{Preset, Stop};
use messages::hydra::v1::{DeleteAppRequest, DeleteProjectRequest, DeleteProjectResponse};
use project_client::ProjectClient;
use restate_sdk::context::{ContextClient as _, ObjectContext};
use std::time::Duration;
use teardown::protection;
use teardown::rounds::{self, HEADER, Progress, Turn};

/// How a round ended.
enum Round {
    /// There is no such project, and nothing of it.
    Nothing,
    /// Apps are left.
    Waits(Owner),
    /// The project's row is gone.
    Gone(Owner),
}

pub(crate) async fn delete(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    nonce: String,
) -> Result<DeleteProjectResponse, Stop> {
    let before = match rounds::turn::<Owner>(ctx).await? {
        Turn::Replaced => return Ok(DeleteProjectResponse::default()),
        Turn::Go(before) => before,
    };
    let timings = &deps.timings;
    let count = before.as_ref().map_or(0, |p| p.round);
    let removed = before.as_ref().is_some_and(|p| p.removed);
    let next = |removed, owner| Progress {
        nonce: nonce.clone(),
        round: count.saturating_add(1),
        removed,
        owner,
    };
    match round(deps, ctx, before.as_ref().and_then(|p| p.owner.clone())).await {
        Ok(Round::Waits(owner)) => go_on(ctx, next(removed, Some(owner)), timings.pause(count)),
        // Once more later: an app may have been created by a request that had read the project before.
        Ok(Round::Gone(owner)) if !removed => {
            go_on(ctx, next(true, Some(owner)), timings.aftercare);
        }
        Ok(Round::Gone(_) | Round::Nothing) => rounds::end(ctx),
        Err(stop) if rounds::ran_out_of_retries(&stop) => {
            let owner = before.and_then(|p| p.owner);
            go_on(ctx, next(removed, owner), timings.again_after);
            return Err(stop);
        }
        Err(stop) => {
            rounds::end(ctx);
            return Err(stop);
        }
    }
    Ok(DeleteProjectResponse::default())
}

fn go_on(ctx: &ObjectContext<'_>, progress: Progress<Owner>, pause: Duration) {
    rounds::keep(ctx, &progress);
    let _ = ctx
        .object_client::<ProjectClient<'_>>(ctx.key())
        .delete(DeleteProjectRequest::default())
        .header(HEADER.to_owned(), progress.nonce)
        .send_after(pause);
}

async fn round(deps: &Deps, ctx: &ObjectContext<'_>, before: Option<Owner>) -> Result<Round, Stop> {
    let (db, key) = (&deps.db, ctx.key());
    let found = durable::run!(ctx, steps::FIND, Preset::Database, owner::find(db, key))?;
    let owner = match (found, before) {
        (Found::Protected(list), _) => match protection::refusal("project", key, &list) {
            Some(fault) => return Err(fault.into()),
            None => return Ok(Round::Nothing),
        },
        (Found::Project(owner), _) => owner,
        (Found::Missing, Some(owner)) => owner,
        (Found::Missing, None) => return Ok(Round::Nothing),
    };
    let children = durable::run!(
        ctx,
        steps::CHILDREN,
        Preset::Database,
        owner::children(db, key)
    )?;
    for child in &children {
        // Told in every round: a second wish changes nothing, and it sets one going that somebody has ended.
        let _ = ctx
            .object_client::<AppClient<'_>>(child)
            .delete(DeleteAppRequest::default())
            .send();
    }
    if !children.is_empty() {
        return Ok(Round::Waits(owner));
    }
    let gone = durable::run!(
        ctx,
        steps::PROJECT,
        Preset::Database,
        finish::delete(db, &owner)
    )?;
    Ok(if gone {
        Round::Gone(owner)
    } else {
        Round::Waits(owner)
    })
}
