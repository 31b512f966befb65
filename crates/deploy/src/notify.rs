//! Handler `NotifyInstancesReady`: a hint from outside that a deployment may be ready. It only wakes whoever waits;
//! what is true is read from the database after that.

use crate::{Deps, names};
use durable::{Preset, Stop};
use messages::hydra::v1 as msg;
use mysql::sql;
use restate_sdk::prelude::*;
use sea_orm::FromQueryResult;

#[derive(FromQueryResult)]
struct Waiter {
    awakeable_id: String,
}

pub(crate) async fn notify(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    req: msg::NotifyInstancesReadyRequest,
) -> Result<msg::NotifyInstancesReadyResponse, Stop> {
    let waiters = durable::run!(
        ctx,
        names::FIND_WAITERS,
        Preset::Hint,
        waiters(deps, &req.deployment_id)
    )?;
    for awakeable in &waiters {
        ctx.resolve_awakeable(awakeable, Json(true));
    }
    Ok(msg::NotifyInstancesReadyResponse {
        resolved: !waiters.is_empty(),
    })
}

async fn waiters(deps: &Deps, deployment_id: &str) -> Result<Vec<String>, Stop> {
    let rows: Vec<Waiter> = sql::all(
        deps.db.primary(),
        "SELECT awakeable_id FROM ctrl_worker_waits WHERE deployment_id = ? ORDER BY invocation_id",
        [deployment_id.into()],
    )
    .await?;
    Ok(rows.into_iter().map(|w| w.awakeable_id).collect())
}
