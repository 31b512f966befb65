//! What became of a deployment, read from the database. Reads only.

use std::collections::BTreeMap;

use mysql::Db;
use mysql::entity::{
    apps, ctrl_worker_runs, deployment_steps, deployment_topology, deployments, environments,
    frontline_routes, instances, regions, sentinels,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;

use crate::failure::Failure;

/// A deployment at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) deployment_id: String,
    pub(crate) app_id: String,
    pub(crate) environment: String,
    pub(crate) image: Option<String>,
    /// Branch and commit it was made from.
    pub(crate) branch: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) status: String,
    pub(crate) desired_state: String,
    /// The app's traffic goes here.
    pub(crate) live: bool,
    /// The app is held by a rollback.
    pub(crate) rolled_back: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) regions: Vec<Region>,
    pub(crate) routes: Vec<Route>,
    /// The invocation that runs or ran it.
    pub(crate) invocation_id: Option<String>,
}

impl Snapshot {
    /// When a step ended, epoch milliseconds.
    pub(crate) fn ended_at(&self, step: &str) -> Option<u64> {
        let step = self.steps.iter().find(|known| known.name == step)?;
        step.ended_at
    }
}

/// One step of a deployment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) started_at: u64,
    pub(crate) ended_at: Option<u64>,
    /// The public text of its failure; empty for a failure without one.
    pub(crate) error: Option<String>,
}

/// One region of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Region {
    pub(crate) name: String,
    /// Whether it shall run there.
    pub(crate) desired: String,
    /// Fewest replicas.
    pub(crate) wanted: u32,
    pub(crate) running: u32,
    pub(crate) pending: u32,
    pub(crate) failed: u32,
    /// Health of the environment's sentinel there.
    pub(crate) sentinel: Option<String>,
}

/// One host name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Route {
    pub(crate) host: String,
    /// Which rule moves it.
    pub(crate) sticky: String,
    pub(crate) deployment_id: String,
}

/// The deployment's row.
pub(crate) async fn deployment(db: &Db, id: &str) -> Result<deployments::Model, Failure> {
    let row = deployments::Entity::by_id(id).one(db.primary()).await?;
    row.ok_or_else(|| Failure::NotFound(format!("no deployment `{id}`; ids look like d_Ab12Cd34")))
}

/// The app's row.
pub(crate) async fn app(db: &Db, id: &str) -> Result<apps::Model, Failure> {
    let row = apps::Entity::by_id(id).one(db.primary()).await?;
    row.ok_or_else(|| Failure::NotFound(format!("no app `{id}`")))
}

/// Everything about one deployment.
pub(crate) async fn snapshot(db: &Db, id: &str) -> Result<Snapshot, Failure> {
    // Before the rest: a status seen here is never older than the steps that led to it.
    let row = deployment(db, id).await?;
    let conn = db.primary();
    let environment = environments::Entity::by_id(&row.environment_id)
        .one(conn)
        .await?;
    let app = apps::Entity::by_id(&row.app_id).one(conn).await?;
    let run = ctrl_worker_runs::Entity::find_by_id(id.to_owned())
        .one(conn)
        .await?;
    let steps = deployment_steps::Entity::find()
        .filter(deployment_steps::Column::DeploymentId.eq(id))
        .order_by_asc(deployment_steps::Column::Step)
        .all(conn)
        .await?;
    let steps = steps.into_iter().map(|step| Step {
        name: step.step.as_str().to_owned(),
        started_at: step.started_at,
        ended_at: step.ended_at,
        error: step.error,
    });
    Ok(Snapshot {
        deployment_id: row.id.clone(),
        app_id: row.app_id.clone(),
        environment: environment.map_or_else(
            || row.environment_id.clone(),
            |environment| environment.slug,
        ),
        image: row.image.clone(),
        branch: row.git_branch.clone(),
        commit: row.git_commit_sha.clone(),
        status: row.status.as_str().to_owned(),
        desired_state: row.desired_state.as_str().to_owned(),
        live: app
            .as_ref()
            .is_some_and(|app| app.current_deployment_id.as_deref() == Some(id)),
        rolled_back: app.is_some_and(|app| app.is_rolled_back),
        steps: steps.collect(),
        regions: region_states(db, &row).await?,
        routes: routes(db, frontline_routes::Column::DeploymentId, id).await?,
        invocation_id: run.map(|run| run.invocation_id),
    })
}

/// The host names with this value in a column, by name.
pub(crate) async fn routes(
    db: &Db,
    column: frontline_routes::Column,
    value: &str,
) -> Result<Vec<Route>, Failure> {
    let rows = frontline_routes::Entity::find()
        .filter(column.eq(value))
        .order_by_asc(frontline_routes::Column::FullyQualifiedDomainName)
        .all(db.primary())
        .await?;
    let route = |row: frontline_routes::Model| Route {
        host: row.fully_qualified_domain_name,
        sticky: row.sticky.as_str().to_owned(),
        deployment_id: row.deployment_id,
    };
    Ok(rows.into_iter().map(route).collect())
}

async fn region_states(db: &Db, deployment: &deployments::Model) -> Result<Vec<Region>, Failure> {
    let conn = db.primary();
    let topology = deployment_topology::Entity::find()
        .filter(deployment_topology::Column::DeploymentId.eq(&deployment.id))
        .all(conn)
        .await?;
    if topology.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = topology.iter().map(|row| row.region_id.as_str()).collect();
    let names = regions::Entity::find()
        .filter(regions::Column::Id.is_in(ids))
        .all(conn)
        .await?;
    let names: BTreeMap<String, String> = names
        .into_iter()
        .map(|region| (region.id, region.name))
        .collect();
    let instances = instances::Entity::find()
        .filter(instances::Column::DeploymentId.eq(&deployment.id))
        .all(conn)
        .await?;
    let proxies = sentinels::Entity::find()
        .filter(sentinels::Column::EnvironmentId.eq(&deployment.environment_id))
        .all(conn)
        .await?;
    let count = |region: &str, status: instances::Status| {
        let matching = instances
            .iter()
            .filter(|row| row.region_id == region && row.status == status);
        u32::try_from(matching.count()).unwrap_or(u32::MAX)
    };
    let mut states: Vec<Region> = topology
        .iter()
        .map(|row| Region {
            name: names.get(&row.region_id).unwrap_or(&row.region_id).clone(),
            desired: row.desired_status.as_str().to_owned(),
            wanted: row.autoscaling_replicas_min,
            running: count(&row.region_id, instances::Status::Running),
            pending: count(&row.region_id, instances::Status::Pending),
            failed: count(&row.region_id, instances::Status::Failed),
            sentinel: proxies
                .iter()
                .find(|proxy| proxy.region_id == row.region_id)
                .map(|proxy| proxy.health.as_str().to_owned()),
        })
        .collect();
    states.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(states)
}
