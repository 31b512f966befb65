//! `FinishDeployment`: the atomic end of a deploy. Status, routes and live pointer change together or not at all.

use crate::answers::{self, Asked};
use crate::rows::{App, Deployment, Environment, Route};
use crate::{rows, rules, steps};
use durable::{Fault, Preset, Stop, codes};
use messages::hydra::v1::{FinishDeploymentRequest, FinishDeploymentResponse};
use mysql::entity::deployments::{DesiredState, Status};
use mysql::entity::frontline_routes::Sticky;
use mysql::sql;
use mysql::{Db, DbError, Tx};
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use routing_client::SERVICE;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The request in the form the transaction uses.
struct Wish {
    deployment_id: String,
    routes: BTreeSet<String>,
    keep_environment: bool,
}

/// What the caller is told; journaled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    previous: String,
    went_live: bool,
    refused_by_newer: String,
}

/// Makes the deployment ready and points its routes to it, in one transaction.
pub(crate) async fn handler(
    db: &Db,
    ctx: ObjectContext<'_>,
    req: FinishDeploymentRequest,
) -> HandlerResult<FinishDeploymentResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "FinishDeployment", &invocation, &key, async {
        let wish = Wish {
            deployment_id: req.deployment_id,
            routes: req.frontline_route_ids.into_iter().collect(),
            keep_environment: req.keep_environment_routes,
        };
        let answer = durable::run!(
            ctx,
            steps::FINISH,
            Preset::Database,
            mysql::retry_as(|| finish(db, &invocation, &wish))
        )?;
        Ok(FinishDeploymentResponse {
            previous_deployment_id: answer.previous,
            went_live: answer.went_live,
            refused_by_newer: answer.refused_by_newer,
        })
    })
    .await
}

async fn finish(db: &Db, invocation: &str, wish: &Wish) -> Result<Answer, Stop> {
    let Some(deployment) = rows::find_deployment(db, &wish.deployment_id).await? else {
        return Err(rules::no_deployment(&wish.deployment_id).into());
    };
    let tx = db.begin().await?;
    let Some(app) = rows::lock_app(&tx, &deployment.app_id).await? else {
        return Err(rules::no_owner("app", &deployment.app_id).into());
    };
    rows::lock_run(&tx, &wish.deployment_id).await?;
    let Some(deployment) = rows::lock_deployment(&tx, &wish.deployment_id).await? else {
        return Err(rules::no_deployment(&wish.deployment_id).into());
    };
    let Some(environment) = rows::environment(&tx, &deployment.environment_id).await? else {
        return Err(rules::no_owner("environment", &deployment.environment_id).into());
    };
    if deployment.status == Status::Ready {
        let kept = match answers::kept(&tx, &app.id, Asked::By(invocation)).await? {
            None => answers::kept(&tx, &app.id, Asked::About(&deployment.id)).await?,
            kept => kept,
        };
        return Ok(repeated(kept, &app, &deployment, &environment)?);
    }
    may_finish(&deployment)?;
    let plan = plan_from_rows(&tx, wish, &app, &deployment, &environment).await?;
    let now = mysql::now_ms();
    write_ready(&tx, &deployment.id, now).await?;
    rows::point(&tx, &plan.moves, &deployment, now).await?;
    if plan.answer.went_live {
        rows::set_live(&tx, &app.id, &deployment.id, false, now).await?;
    }
    answers::keep(&tx, &app.id, invocation, &deployment.id, &plan.answer, now).await?;
    tx.commit().await?;
    Ok(plan.answer)
}

/// Reads what the plan depends on; refuses the whole list for one unknown or foreign route.
async fn plan_from_rows(
    tx: &Tx,
    wish: &Wish,
    app: &App,
    deployment: &Deployment,
    environment: &Environment,
) -> Result<Plan, Stop> {
    let given = rows::routes(tx, &wish.routes).await?;
    rules::all_owned(deployment, &wish.routes, &given)?;
    let sticky = rows::sticky_routes(tx, &deployment.app_id, &deployment.environment_id).await?;
    let routes: BTreeMap<u64, Route> = given
        .into_iter()
        .chain(sticky)
        .map(|route| (route.pk, route))
        .collect();
    let others = routes
        .values()
        .map(|route| route.deployment_id.clone())
        .chain(app.current_deployment_id.clone())
        .collect();
    let others = rows::deployments(tx, &others)
        .await?
        .into_iter()
        .map(|d| (d.id.clone(), d))
        .collect();
    Ok(plan(&Scene {
        wish,
        app,
        deployment,
        production: environment.is_production(),
        routes: &routes,
        others: &others,
    }))
}

/// Everything the plan depends on.
struct Scene<'a> {
    wish: &'a Wish,
    app: &'a App,
    deployment: &'a Deployment,
    production: bool,
    /// The routes given and those that follow the environment, by primary key.
    routes: &'a BTreeMap<u64, Route>,
    /// The deployments that the routes and the pointer lead to, by id.
    others: &'a BTreeMap<String, Deployment>,
}

/// What to write.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    moves: BTreeSet<u64>,
    answer: Answer,
}

fn plan(scene: &Scene<'_>) -> Plan {
    let current = scene.app.current_deployment_id.as_deref();
    let may_go_live = scene.production && !scene.app.is_rolled_back && !scene.wish.keep_environment;
    // Pointer and live routes of production are one: whatever keeps one back keeps all.
    let live_routes = scene
        .routes
        .values()
        .filter(|route| route.sticky == Sticky::Live)
        .map(|route| route.deployment_id.as_str());
    let ahead = live_routes
        .chain(current)
        .filter_map(|id| scene.newer(id))
        .max_by_key(|d| (d.created_at, d.pk));
    let went_live = may_go_live && ahead.is_none();
    let mut refused_by = ahead.filter(|_| may_go_live);
    let mut moves = BTreeSet::new();
    for route in scene.routes.values().filter(|route| scene.concerns(route)) {
        let newer = scene.newer(&route.deployment_id);
        let allowed = match route.sticky {
            Sticky::None | Sticky::Deployment => continue,
            Sticky::Live if scene.production => went_live,
            Sticky::Live => !scene.app.is_rolled_back && newer.is_none(),
            Sticky::Branch | Sticky::Environment => newer.is_none(),
        };
        if allowed {
            moves.insert(route.pk);
        } else if !(scene.production && route.sticky == Sticky::Live) {
            refused_by = refused_by
                .into_iter()
                .chain(newer)
                .max_by_key(|d| (d.created_at, d.pk));
        }
    }
    let previous = current
        .filter(|id| went_live && *id != scene.deployment.id)
        .unwrap_or_default()
        .to_owned();
    let refused_by_newer = refused_by.map(|d| d.id.clone()).unwrap_or_default();
    Plan {
        moves,
        answer: Answer {
            previous,
            went_live,
            refused_by_newer,
        },
    }
}

impl Scene<'_> {
    /// The deployment of this id, if the fence stands in front of it.
    fn newer(&self, id: &str) -> Option<&Deployment> {
        self.others
            .get(id)
            .filter(|other| rules::outranks(other, self.deployment))
    }

    /// Whether the route is one of those given, or follows the environment's newest deployment.
    fn concerns(&self, route: &Route) -> bool {
        let of_fork = || {
            self.others
                .get(&route.deployment_id)
                .is_some_and(rules::is_fork)
        };
        self.wish.routes.contains(&route.id)
            || !self.wish.keep_environment
                && match route.sticky {
                    Sticky::Environment => !of_fork(),
                    Sticky::Live => true,
                    Sticky::Branch | Sticky::None | Sticky::Deployment => false,
                }
    }
}

fn may_finish(deployment: &Deployment) -> Result<(), Fault> {
    let refused = |text: String| {
        Err(Fault {
            code: codes::CONFLICT,
            text,
        })
    };
    if deployment.status != Status::Finalizing {
        return refused(format!(
            "Deployment {} is `{}`, not `finalizing`: somebody else ended it. Nothing was changed.",
            deployment.id, deployment.status
        ));
    }
    if deployment.desired_state != DesiredState::Running {
        return refused(format!(
            "Deployment {} was put to {} while it was deployed. Nothing was changed.",
            deployment.id, deployment.desired_state
        ));
    }
    Ok(())
}

/// The answer about a deployment that is ready already: the one given then, or what the rows still say of it.
fn repeated(
    kept: Option<Answer>,
    app: &App,
    deployment: &Deployment,
    environment: &Environment,
) -> Result<Answer, Fault> {
    let is_live = app.current_deployment_id.as_deref() == Some(deployment.id.as_str());
    match kept {
        Some(answer) => Ok(answer),
        None if is_live || !environment.is_production() => Ok(Answer {
            went_live: is_live,
            ..Answer::default()
        }),
        None => Err(Fault {
            code: codes::CONFLICT,
            text: format!(
                "Deployment {} is ready already and something else went live since. Nothing was changed.",
                deployment.id
            ),
        }),
    }
}

async fn write_ready(tx: &Tx, deployment_id: &str, now: i64) -> Result<(), DbError> {
    let run =
        "UPDATE ctrl_worker_runs SET ended_at = ?, end_reason = 'ready' WHERE deployment_id = ?";
    sql::execute(tx, run, [now.into(), deployment_id.into()]).await?;
    let status = "UPDATE deployments SET status = 'ready', updated_at = ? WHERE id = ?";
    sql::execute(tx, status, [now.into(), deployment_id.into()]).await?;
    let step = "UPDATE deployment_steps SET ended_at = ?, error = NULL WHERE deployment_id = ? AND step = 'finalizing'";
    sql::execute(tx, step, [now.into(), deployment_id.into()])
        .await
        .map(drop)
}

#[cfg(test)]
mod tests;
