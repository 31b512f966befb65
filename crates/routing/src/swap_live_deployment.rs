//! `SwapLiveDeployment`: makes a deployment the app's live one, routes and pointer at once. Promote and rollback.

use crate::answers::{self, Asked};
use crate::rows::{App, Deployment, Environment, Route};
use crate::{rows, rules, sources, steps};
use durable::{Fault, Preset, Stop, codes};
use messages::hydra::v1::{SwapLiveDeploymentRequest, SwapLiveDeploymentResponse};
use mysql::entity::deployments::{DesiredState, Status};
use mysql::entity::frontline_routes::Sticky;
use mysql::{Db, Tx};
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use routing_client::SERVICE;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The request in the form the transaction uses.
struct Wish {
    deployment_id: String,
    routes: BTreeSet<String>,
    all_sticky: bool,
    rollback: bool,
    expected: Option<String>,
}

/// What the caller is told; journaled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    previous: String,
    released: Vec<String>,
}

/// Moves routes, pointer and flag in one transaction, and tells what was live before and what may sleep now.
pub(crate) async fn handler(
    db: &Db,
    ctx: ObjectContext<'_>,
    req: SwapLiveDeploymentRequest,
) -> HandlerResult<SwapLiveDeploymentResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "SwapLiveDeployment", &invocation, &key, async {
        let wish = Wish {
            deployment_id: req.deployment_id,
            routes: req.frontline_route_ids.into_iter().collect(),
            all_sticky: req.all_sticky_routes,
            rollback: req.set_rollback_flag,
            expected: req
                .expected_current_deployment_id
                .filter(|id| !id.is_empty()),
        };
        let answer = durable::run!(
            ctx,
            steps::SWAP,
            Preset::Database,
            mysql::retry_as(|| swap(db, &invocation, &wish))
        )?;
        Ok(SwapLiveDeploymentResponse {
            previous_deployment_id: answer.previous,
            released_deployment_ids: answer.released,
        })
    })
    .await
}

async fn swap(db: &Db, invocation: &str, wish: &Wish) -> Result<Answer, Stop> {
    let Some(target) = rows::find_deployment(db, &wish.deployment_id).await? else {
        return Err(rules::no_deployment(&wish.deployment_id).into());
    };
    let tx = db.begin().await?;
    let Some(app) = rows::lock_app(&tx, &target.app_id).await? else {
        return Err(rules::no_owner("app", &target.app_id).into());
    };
    if let Some(answer) = answers::kept(&tx, &app.id, Asked::By(invocation)).await? {
        return Ok(answer);
    }
    if let Some(answer) = made_already(&tx, wish, &app).await? {
        return Ok(answer);
    }
    let Some(target) = rows::lock_deployment(&tx, &wish.deployment_id).await? else {
        return Err(rules::no_deployment(&wish.deployment_id).into());
    };
    let environment = rows::environment(&tx, &target.environment_id).await?;
    let now = mysql::now_ms();
    let previous = match decide(wish, &app, &target, environment.as_ref())? {
        Kind::Nothing => {
            return Ok(Answer {
                previous: target.id,
                released: Vec::new(),
            });
        }
        Kind::Confirm => target.id.clone(),
        Kind::Move => {
            let pks = chosen(&tx, wish, &target).await?;
            rows::point(&tx, &pks, &target, now).await?;
            app.current_deployment_id.clone().unwrap_or_default()
        }
    };
    let released = if wish.rollback {
        // It stays up until the rollback is confirmed or left, so that going forward again is instant.
        sources::record(&tx, &app.id, &previous, now).await?;
        Vec::new()
    } else {
        let mut kept_up = sources::recorded(&tx, &app.id).await?;
        sources::forget(&tx, &app.id, &kept_up).await?;
        if app.is_rolled_back && kept_up.is_empty() {
            kept_up = sources::unrecorded(&tx, &target).await?;
        }
        released(&previous, &kept_up, &target.id)
    };
    let answer = Answer { previous, released };
    rows::set_live(&tx, &app.id, &target.id, wish.rollback, now).await?;
    answers::keep(&tx, &app.id, invocation, &target.id, &answer, now).await?;
    tx.commit().await?;
    Ok(answer)
}

/// The answer of the very move that is asked for, made by an invocation that was cancelled after it: the target is
/// live, and what was live before is what the caller expects to be.
async fn made_already(tx: &Tx, wish: &Wish, app: &App) -> Result<Option<Answer>, Stop> {
    let is_live = app.current_deployment_id.as_deref() == Some(wish.deployment_id.as_str());
    if !is_live || app.is_rolled_back != wish.rollback {
        return Ok(None);
    }
    let kept: Option<Answer> =
        answers::kept(tx, &app.id, Asked::About(&wish.deployment_id)).await?;
    Ok(kept.filter(|answer| wish.expected.as_deref() == Some(answer.previous.as_str())))
}

/// What a swap comes down to.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// The target is live already and there is no rollback to end.
    Nothing,
    /// The target was rolled back to and stays: the rollback is final, no route moves.
    Confirm,
    /// Routes and pointer move.
    Move,
}

fn decide(
    wish: &Wish,
    app: &App,
    target: &Deployment,
    environment: Option<&Environment>,
) -> Result<Kind, Fault> {
    if !environment.is_some_and(|e| e.is_production() && e.app_id == app.id) {
        let text = format!(
            "Deployment {} is not of the production environment and cannot go live. Nothing was moved.",
            target.id
        );
        return Err(Fault {
            code: codes::NOT_PRODUCTION,
            text,
        });
    }
    let current = app.current_deployment_id.as_deref();
    if let Some(expected) = wish.expected.as_deref()
        && current != Some(expected)
    {
        let is = current.unwrap_or("none");
        let text = format!(
            "Deployment {expected} is not live any more; {is} is. Look again and repeat. Nothing was moved."
        );
        return Err(Fault {
            code: codes::CONFLICT,
            text,
        });
    }
    if current == Some(target.id.as_str()) {
        return Ok(if app.is_rolled_back && !wish.rollback {
            Kind::Confirm
        } else {
            Kind::Nothing
        });
    }
    if target.desired_state != DesiredState::Running || target.status != Status::Ready {
        let text = format!(
            "Deployment {} is `{}` and meant to be {}: it has to be ready and running before it can go live. Nothing was moved.",
            target.id, target.status, target.desired_state
        );
        return Err(Fault {
            code: codes::CONFLICT,
            text,
        });
    }
    Ok(Kind::Move)
}

/// The routes that move: those asked for, on request every one that follows the environment, and in any case the live
/// ones, which never lead anywhere but to the live deployment.
async fn chosen(tx: &Tx, wish: &Wish, target: &Deployment) -> Result<BTreeSet<u64>, Stop> {
    let asked = rows::routes(tx, &wish.routes).await?;
    rules::all_owned(target, &wish.routes, &asked)?;
    let sticky = rows::sticky_routes(tx, &target.app_id, &target.environment_id).await?;
    let pointed = sticky
        .iter()
        .map(|route| route.deployment_id.clone())
        .collect();
    let pointed = rows::deployments(tx, &pointed)
        .await?
        .into_iter()
        .map(|d| (d.id.clone(), d))
        .collect();
    let mut pks = followers(&sticky, &pointed, wish.all_sticky);
    if wish.all_sticky && pks.is_empty() {
        let text = format!(
            "The environment of deployment {} has no route that could be moved.",
            target.id
        );
        return Err(Stop::fault(codes::NO_ROUTES, text));
    }
    pks.extend(asked.iter().map(|route| route.pk));
    Ok(pks)
}

fn followers(sticky: &[Route], pointed: &BTreeMap<String, Deployment>, all: bool) -> BTreeSet<u64> {
    let of_fork = |route: &Route| {
        pointed
            .get(&route.deployment_id)
            .is_some_and(rules::is_fork)
    };
    let follows = |route: &&Route| match route.sticky {
        Sticky::Live => true,
        Sticky::Environment => all && !of_fork(route),
        Sticky::Branch | Sticky::None | Sticky::Deployment => false,
    };
    sticky
        .iter()
        .filter(follows)
        .map(|route| route.pk)
        .collect()
}

/// The deployments that nothing keeps up any more, sorted.
fn released(previous: &str, kept_up: &[String], target: &str) -> Vec<String> {
    let all: BTreeSet<&str> = kept_up
        .iter()
        .map(String::as_str)
        .chain([previous])
        .filter(|id| !id.is_empty() && *id != target)
        .collect();
    all.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
