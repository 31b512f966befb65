//! `AssignFrontlineRoutes`: points existing routes to a deployment; all of them or none.
//!
//! The handler of the existing contract. It looks at neither the live pointer nor which deployment is newer: whoever
//! calls it means it. Our own deploys finish through `FinishDeployment`.

use crate::{rows, rules, steps};
use durable::{Preset, Stop};
use messages::hydra::v1::{AssignFrontlineRoutesRequest, AssignFrontlineRoutesResponse};
use mysql::Db;
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use routing_client::SERVICE;
use std::collections::BTreeSet;

/// Moves the routes in one transaction. An empty list writes nothing.
pub(crate) async fn handler(
    db: &Db,
    ctx: ObjectContext<'_>,
    req: AssignFrontlineRoutesRequest,
) -> HandlerResult<AssignFrontlineRoutesResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "AssignFrontlineRoutes", &invocation, &key, async {
        let wanted: BTreeSet<String> = req.frontline_route_ids.into_iter().collect();
        durable::run!(
            ctx,
            steps::ASSIGN,
            Preset::Database,
            mysql::retry_as(|| assign(db, &req.deployment_id, &wanted))
        )?;
        Ok(AssignFrontlineRoutesResponse::default())
    })
    .await
}

async fn assign(db: &Db, deployment_id: &str, wanted: &BTreeSet<String>) -> Result<(), Stop> {
    let Some(deployment) = rows::find_deployment(db, deployment_id).await? else {
        return Err(rules::no_deployment(deployment_id).into());
    };
    if wanted.is_empty() {
        return Ok(());
    }
    let tx = db.begin().await?;
    if rows::lock_app(&tx, &deployment.app_id).await?.is_none() {
        return Err(rules::no_owner("app", &deployment.app_id).into());
    }
    let found = rows::routes(&tx, wanted).await?;
    rules::all_owned(&deployment, wanted, &found)?;
    let pks = found.iter().map(|route| route.pk).collect();
    rows::point(&tx, &pks, &deployment, mysql::now_ms()).await?;
    Ok(tx.commit().await?)
}
