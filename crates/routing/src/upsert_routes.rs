//! `UpsertRoutes`: the only creator of routes. Makes the host names of a deployment or a custom domain exist; moves
//! none and never touches one that somebody else holds.

use crate::rows::{App, Deployment, Environment, Route};
use crate::{rows, rules, steps};
use durable::{Fault, Preset, Stop, codes};
use messages::hydra::v1::{
    RouteSpec, RouteSticky, UpsertRoutesRequest, UpsertRoutesResponse, UpsertedRoute,
};
use mysql::entity::frontline_routes::Sticky;
use mysql::sql;
use mysql::{Db, DbError, Lock, Tx};
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use routing_client::SERVICE;
use serde::{Deserialize, Serialize};

/// Longest host name the column takes.
const MAX_HOST_NAME: usize = 256;

/// The checked request.
struct Wish {
    owner: Owner,
    routes: Vec<Wanted>,
}

/// Whose routes these are, and where new ones lead.
#[derive(Debug)]
struct Owner {
    project_id: String,
    app_id: String,
    environment_id: String,
    /// Empty for a custom domain without a deployment yet.
    deployment_id: String,
}

/// One route: the names to try in order, and how it moves.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    host_names: Vec<String>,
    sticky: Sticky,
}

/// One line of the answer; journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Upserted {
    id: String,
    host_name: String,
    created: bool,
    previous: String,
}

/// Creates what is missing in one transaction. A repetition finds its routes and calls them not created.
pub(crate) async fn handler(
    db: &Db,
    ctx: ObjectContext<'_>,
    req: UpsertRoutesRequest,
) -> HandlerResult<UpsertRoutesResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "UpsertRoutes", &invocation, &key, async {
        let wish = checked(req)?;
        let upserted = durable::run!(
            ctx,
            steps::UPSERT,
            Preset::Database,
            mysql::retry_as(|| upsert(db, &wish))
        )?;
        let routes = upserted.into_iter().map(|route| UpsertedRoute {
            frontline_route_id: route.id,
            fully_qualified_domain_name: route.host_name,
            created: route.created,
            previous_deployment_id: route.previous,
        });
        Ok(UpsertRoutesResponse {
            routes: routes.collect(),
        })
    })
    .await
}

fn checked(req: UpsertRoutesRequest) -> Result<Wish, Fault> {
    let invalid = |text: String| Fault {
        code: codes::INVALID_REQUEST,
        text,
    };
    for (field, value) in [
        ("project_id", &req.project_id),
        ("app_id", &req.app_id),
        ("environment_id", &req.environment_id),
    ] {
        if value.is_empty() {
            return Err(invalid(format!("{field} is empty.")));
        }
    }
    let owner = Owner {
        project_id: req.project_id,
        app_id: req.app_id,
        environment_id: req.environment_id,
        deployment_id: req.deployment_id,
    };
    let routes = req
        .routes
        .into_iter()
        .map(wanted)
        .collect::<Result<_, _>>()
        .map_err(invalid)?;
    Ok(Wish { owner, routes })
}

fn wanted(spec: RouteSpec) -> Result<Wanted, String> {
    let sticky = match spec.sticky.as_known() {
        Some(RouteSticky::ROUTE_STICKY_NONE) => Sticky::None,
        Some(RouteSticky::ROUTE_STICKY_BRANCH) => Sticky::Branch,
        Some(RouteSticky::ROUTE_STICKY_ENVIRONMENT) => Sticky::Environment,
        Some(RouteSticky::ROUTE_STICKY_LIVE) => Sticky::Live,
        Some(RouteSticky::ROUTE_STICKY_DEPLOYMENT) => Sticky::Deployment,
        Some(RouteSticky::ROUTE_STICKY_UNSPECIFIED) | None => {
            return Err(format!(
                "The route {:?} does not say how it moves.",
                spec.fully_qualified_domain_name
            ));
        }
    };
    let mut host_names = vec![spec.fully_qualified_domain_name];
    host_names
        .extend(Some(spec.fallback_fully_qualified_domain_name).filter(|name| !name.is_empty()));
    match host_names
        .iter()
        .find(|name| name.is_empty() || name.chars().count() > MAX_HOST_NAME)
    {
        Some(bad) => Err(format!(
            "A host name has 1 to {MAX_HOST_NAME} characters, this one {}.",
            bad.chars().count()
        )),
        None => Ok(Wanted { host_names, sticky }),
    }
}

async fn upsert(db: &Db, wish: &Wish) -> Result<Vec<Upserted>, Stop> {
    let owner = &wish.owner;
    let deployment = match owner.deployment_id.as_str() {
        "" => None,
        id => Some(
            rows::find_deployment(db, id)
                .await?
                .ok_or_else(|| rules::no_deployment(id))?,
        ),
    };
    let tx = db.begin().await?;
    let Some(app) = rows::lock_app(&tx, &owner.app_id).await? else {
        return Err(rules::no_owner("app", &owner.app_id).into());
    };
    let Some(environment) = rows::environment(&tx, &owner.environment_id).await? else {
        return Err(rules::no_owner("environment", &owner.environment_id).into());
    };
    agree(owner, &app, &environment, deployment.as_ref())?;
    let now = mysql::now_ms();
    let mut upserted = Vec::with_capacity(wish.routes.len());
    for route in &wish.routes {
        match take_name(&tx, owner, &app, &environment, route, now).await? {
            Some(done) => upserted.push(done),
            None => {
                tracing::warn!(host_names = ?route.host_names, "host name held by somebody else; the deployment goes without it")
            }
        }
    }
    tx.commit().await?;
    Ok(upserted)
}

/// Everything the request names belongs together.
fn agree(
    owner: &Owner,
    app: &App,
    environment: &Environment,
    deployment: Option<&Deployment>,
) -> Result<(), Fault> {
    let apart = if app.project_id != owner.project_id {
        format!(
            "app {} does not belong to project {}",
            owner.app_id, owner.project_id
        )
    } else if environment.app_id != owner.app_id {
        format!(
            "environment {} does not belong to app {}",
            owner.environment_id, owner.app_id
        )
    } else if let Some(d) = deployment
        && (&d.project_id, &d.app_id, &d.environment_id)
            != (&owner.project_id, &owner.app_id, &owner.environment_id)
    {
        format!(
            "deployment {} belongs to another project, app or environment",
            d.id
        )
    } else {
        return Ok(());
    };
    Err(Fault {
        code: codes::CONFLICT,
        text: format!("The request does not fit together: {apart}. No route was created."),
    })
}

/// Takes the first name that is free or ours; `None` when there is none.
async fn take_name(
    tx: &Tx,
    owner: &Owner,
    app: &App,
    environment: &Environment,
    wanted: &Wanted,
    now: i64,
) -> Result<Option<Upserted>, DbError> {
    for host_name in &wanted.host_names {
        match rows::route_of(tx, host_name).await? {
            None => {
                let id = ids::derived(ids::Prefix::ROUTE, &[&host_name.to_lowercase()]);
                let leads_to = first_target(owner, app, environment, wanted.sticky);
                insert(tx, &id, owner, host_name, wanted.sticky, leads_to, now).await?;
                return Ok(Some(Upserted {
                    id,
                    host_name: host_name.clone(),
                    created: true,
                    previous: String::new(),
                }));
            }
            Some(route) if is_ours(owner, &route) => {
                return Ok(Some(Upserted {
                    id: route.id,
                    host_name: host_name.clone(),
                    created: false,
                    previous: route.deployment_id,
                }));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}

/// Whether an existing route may serve: same owner, and not kept by another deployment.
fn is_ours(owner: &Owner, route: &Route) -> bool {
    let same_owner = (&route.project_id, &route.app_id, &route.environment_id)
        == (&owner.project_id, &owner.app_id, &owner.environment_id);
    same_owner && (rules::moves(route.sticky) || route.deployment_id == owner.deployment_id)
}

/// Where a new route leads. A live route of production leads to the live deployment from its first moment, or nowhere
/// while there is none: the deployment that asks for it is not live yet.
fn first_target<'a>(
    owner: &'a Owner,
    app: &'a App,
    environment: &Environment,
    sticky: Sticky,
) -> &'a str {
    if sticky == Sticky::Live && environment.is_production() {
        app.current_deployment_id.as_deref().unwrap_or_default()
    } else {
        &owner.deployment_id
    }
}

/// Somebody of another app may have taken the name since the look: the unique index refuses, and the whole step is
/// repeated with fresh eyes.
async fn insert(
    tx: &Tx,
    id: &str,
    owner: &Owner,
    host_name: &str,
    sticky: Sticky,
    leads_to: &str,
    now: i64,
) -> Result<(), DbError> {
    tx.touch(Lock::FrontlineRoutes);
    let sql = "INSERT INTO frontline_routes (id, project_id, app_id, deployment_id, environment_id, fully_qualified_domain_name, \
         sticky, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let values = [
        id.into(),
        owner.project_id.as_str().into(),
        owner.app_id.as_str().into(),
        leads_to.into(),
        owner.environment_id.as_str().into(),
        host_name.into(),
        sticky.as_str().into(),
        now.into(),
    ];
    sql::execute(tx, sql, values).await.map(drop)
}

#[cfg(test)]
mod tests;
