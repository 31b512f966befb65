//! `WithdrawRoutes`: deletes the routes of a deployment that did not come up. The undo of `UpsertRoutes`.

use crate::rows::{App, Deployment};
use crate::{rows, steps};
use durable::{Preset, Stop};
use messages::hydra::v1::{WithdrawRoutesRequest, WithdrawRoutesResponse};
use mysql::entity::deployments::Status;
use mysql::sql;
use mysql::{Db, DbError, Lock, Tx};
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use routing_client::SERVICE;

/// Deletes in one transaction; never what serves. A deployment that is gone has no routes to withdraw.
pub(crate) async fn handler(
    db: &Db,
    ctx: ObjectContext<'_>,
    req: WithdrawRoutesRequest,
) -> HandlerResult<WithdrawRoutesResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "WithdrawRoutes", &invocation, &key, async {
        durable::run!(
            ctx,
            steps::WITHDRAW,
            Preset::Undo,
            mysql::retry_as(|| withdraw(db, &req.deployment_id))
        )?;
        Ok(WithdrawRoutesResponse::default())
    })
    .await
}

async fn withdraw(db: &Db, deployment_id: &str) -> Result<(), Stop> {
    let Some(deployment) = rows::find_deployment(db, deployment_id).await? else {
        return Ok(());
    };
    let tx = db.begin().await?;
    let Some(app) = rows::lock_app(&tx, &deployment.app_id).await? else {
        return Ok(());
    };
    let Some(deployment) = rows::lock_deployment(&tx, deployment_id).await? else {
        return Ok(());
    };
    if serves(&app, &deployment) {
        return Ok(());
    }
    delete(&tx, &deployment).await?;
    Ok(tx.commit().await?)
}

/// Whether the deployment's routes carry traffic and stay.
fn serves(app: &App, deployment: &Deployment) -> bool {
    deployment.status == Status::Ready
        || app.current_deployment_id.as_deref() == Some(deployment.id.as_str())
}

/// Looks first and deletes by primary key: deleting by the index of the deployment would lock the gaps around it.
async fn delete(tx: &Tx, deployment: &Deployment) -> Result<(), DbError> {
    let pks = rows::routes_to(tx, deployment).await?;
    tx.touch(Lock::FrontlineRoutes);
    for pk in pks {
        sql::execute(
            tx,
            "DELETE FROM frontline_routes WHERE pk = ? AND deployment_id = ?",
            [pk.into(), deployment.id.as_str().into()],
        )
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::samples::deployment;

    #[test]
    fn what_is_ready_or_live_stays() {
        let app = |current: Option<&str>| App {
            id: "app".into(),
            project_id: "proj".into(),
            current_deployment_id: current.map(str::to_owned),
            is_rolled_back: false,
        };
        let failed = Deployment {
            status: Status::Failed,
            ..deployment(1)
        };
        assert!(!serves(&app(None), &failed));
        assert!(!serves(&app(Some("d_2")), &failed));
        assert!(serves(&app(Some("d_1")), &failed));
        assert!(serves(&app(None), &deployment(1)));
    }
}
