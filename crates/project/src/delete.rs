//! Handler `Delete`: one round. The apps that are left are told to go; when there is none any more the project goes.

use crate::owner::{self, Found, Owner};
use crate::{Deps, finish, steps};
use app_client::AppClient;
use durable::{Preset, Stop};
use messages::hydra::v1::{DeleteAppRequest, DeleteProjectRequest, DeleteProjectResponse};
use project_client::ProjectClient;
use restate_sdk::context::{ContextClient as _, ObjectContext};
use teardown::protection;
use teardown::rounds::{self, Round};

pub(crate) async fn delete(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    nonce: String,
) -> Result<DeleteProjectResponse, Stop> {
    let again = |(header, nonce), pause| {
        let _ = ctx
            .object_client::<ProjectClient<'_>>(ctx.key())
            .delete(DeleteProjectRequest::default())
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
    Ok(DeleteProjectResponse::default())
}

async fn round(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    before: Option<Owner>,
) -> Result<Round<Owner>, Stop> {
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
