//! `WithdrawRoutes`: deletes the routes of a deployment that did not come up (the undo of `UpsertRoutes`), or the own
//! ones of a deployment that sleeps for good.

use crate::rows::{App, Deployment};
use crate::{rows, steps};
use durable::{Preset, Stop};
use messages::hydra::v1::{WithdrawRoutesRequest, WithdrawRoutesResponse};
use mysql::entity::deployments::{DesiredState, Status};
use mysql::entity::frontline_routes::Sticky;
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

/// Whether the deployment's routes carry traffic, or may again, and stay.
fn serves(app: &App, deployment: &Deployment) -> bool {
    (deployment.status == Status::Ready && !sleeps_for_good(deployment))
        || app.current_deployment_id.as_deref() == Some(deployment.id.as_str())
}

fn sleeps_for_good(deployment: &Deployment) -> bool {
    deployment.desired_state == DesiredState::Archived
}

/// Whether a route goes with its deployment. Those of the environment and its custom domains wait for the next one where
/// this one came up: nobody but a verification would make them anew.
fn goes(deployment: &Deployment, sticky: Sticky) -> bool {
    !sleeps_for_good(deployment) || !matches!(sticky, Sticky::Environment | Sticky::Live)
}

/// Looks first and deletes by primary key: deleting by the index of the deployment would lock the gaps around it.
async fn delete(tx: &Tx, deployment: &Deployment) -> Result<(), DbError> {
    let routes = rows::routes_to(tx, deployment).await?;
    tx.touch(Lock::FrontlineRoutes);
    for route in routes {
        if !goes(deployment, route.sticky) {
            continue;
        }
        sql::execute(
            tx,
            "DELETE FROM frontline_routes WHERE pk = ? AND deployment_id = ?",
            [route.pk.into(), deployment.id.as_str().into()],
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

    #[test]
    fn what_sleeps_for_good_loses_its_own_names_and_not_those_of_its_environment() {
        let app = App {
            id: "app".into(),
            project_id: "proj".into(),
            current_deployment_id: None,
            is_rolled_back: false,
        };
        let with = |desired_state| Deployment {
            desired_state,
            ..deployment(1)
        };
        assert!(serves(&app, &with(DesiredState::Standby)), "may wake");
        let archived = with(DesiredState::Archived);
        assert!(!serves(&app, &archived));
        for (sticky, gone) in [
            (Sticky::None, true),
            (Sticky::Branch, true),
            (Sticky::Deployment, true),
            (Sticky::Environment, false),
            (Sticky::Live, false),
        ] {
            assert_eq!(goes(&archived, sticky), gone, "{sticky}");
            assert!(goes(&with(DesiredState::Running), sticky), "{sticky}");
        }
        let live = App {
            current_deployment_id: Some("d_1".into()),
            ..app
        };
        assert!(serves(&live, &archived));
    }
}
