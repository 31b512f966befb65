//! The rows the transactions look at, and the few statements that lock, read and move them.
//!
//! Rows that decide are locked by a unique key and only where they exist, so no gap is ever locked. Everything else is
//! read plainly after the locks: the app row is what serialises all writers of an app's routes. Not for decisions.

use mysql::entity::deployments::{DesiredState, Status};
use mysql::entity::frontline_routes::Sticky;
use mysql::sql;
use mysql::{Db, DbError, Lock, Tx};
use sea_orm::{FromQueryResult, Value};
use std::collections::BTreeSet;

/// What of `apps` decides.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) project_id: String,
    pub(crate) current_deployment_id: Option<String>,
    pub(crate) is_rolled_back: bool,
}

/// What of `deployments` decides; the row's blobs stay in the database.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Deployment {
    pub(crate) pk: u64,
    pub(crate) id: String,
    pub(crate) project_id: String,
    pub(crate) app_id: String,
    pub(crate) environment_id: String,
    pub(crate) status: Status,
    pub(crate) desired_state: DesiredState,
    pub(crate) fork_repository_full_name: Option<String>,
    pub(crate) created_at: i64,
}

/// What of `environments` decides.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Environment {
    pub(crate) app_id: String,
    pub(crate) slug: String,
}

impl Environment {
    /// Whether the app's live deployment lives here.
    pub(crate) fn is_production(&self) -> bool {
        self.slug == "production"
    }
}

/// A row of `frontline_routes`.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Route {
    pub(crate) pk: u64,
    pub(crate) id: String,
    pub(crate) project_id: String,
    pub(crate) app_id: String,
    pub(crate) environment_id: String,
    pub(crate) deployment_id: String,
    pub(crate) sticky: Sticky,
}

const DEPLOYMENT: &str = "SELECT pk, id, project_id, app_id, environment_id, status, desired_state, fork_repository_full_name, created_at FROM deployments";
const ROUTE: &str = "SELECT pk, id, project_id, app_id, environment_id, deployment_id, sticky FROM frontline_routes";

/// The deployment as it is now, without a lock and outside any transaction: the first plain read of a transaction
/// fixes what it sees, and that must come after its locks. Good for what never changes, above all the owner.
pub(crate) async fn find_deployment(db: &Db, id: &str) -> Result<Option<Deployment>, DbError> {
    sql::one(
        db.primary(),
        &format!("{DEPLOYMENT} WHERE id = ?"),
        [id.into()],
    )
    .await
}

/// Locks the app: from here on nobody else moves its routes, pointer or flag.
pub(crate) async fn lock_app(tx: &Tx, id: &str) -> Result<Option<App>, DbError> {
    tx.touch(Lock::Apps);
    sql::one(tx, "SELECT id, project_id, current_deployment_id, is_rolled_back FROM apps WHERE id = ? FOR UPDATE", [id.into()]).await
}

/// Locks the run of the deployment, if there is one.
pub(crate) async fn lock_run(tx: &Tx, deployment_id: &str) -> Result<(), DbError> {
    tx.touch(Lock::Runs);
    sql::execute(
        tx,
        "SELECT deployment_id FROM ctrl_worker_runs WHERE deployment_id = ? FOR UPDATE",
        [deployment_id.into()],
    )
    .await
    .map(drop)
}

/// Locks the deployment: its status and desired state stay until the transaction ends.
pub(crate) async fn lock_deployment(tx: &Tx, id: &str) -> Result<Option<Deployment>, DbError> {
    tx.touch(Lock::Deployments);
    sql::one(
        tx,
        &format!("{DEPLOYMENT} WHERE id = ? FOR UPDATE"),
        [id.into()],
    )
    .await
}

/// The environment of that id.
pub(crate) async fn environment(tx: &Tx, id: &str) -> Result<Option<Environment>, DbError> {
    sql::one(
        tx,
        "SELECT app_id, slug FROM environments WHERE id = ?",
        [id.into()],
    )
    .await
}

/// The deployments of these ids, in no order.
pub(crate) async fn deployments(
    tx: &Tx,
    ids: &BTreeSet<String>,
) -> Result<Vec<Deployment>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("{DEPLOYMENT} WHERE id IN ({})", sql::marks(ids.len()));
    sql::all(tx, &sql, ids.iter().map(Value::from)).await
}

/// The routes of these ids, whoever owns them.
pub(crate) async fn routes(tx: &Tx, ids: &BTreeSet<String>) -> Result<Vec<Route>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("{ROUTE} WHERE id IN ({})", sql::marks(ids.len()));
    sql::all(tx, &sql, ids.iter().map(Value::from)).await
}

/// The routes of an app's environment that follow its newest or live deployment.
pub(crate) async fn sticky_routes(
    tx: &Tx,
    app_id: &str,
    environment_id: &str,
) -> Result<Vec<Route>, DbError> {
    let sql = format!(
        "{ROUTE} WHERE environment_id = ? AND app_id = ? AND sticky IN ('environment', 'live') ORDER BY id"
    );
    sql::all(tx, &sql, [environment_id.into(), app_id.into()]).await
}

/// The route of a host name, compared as the column compares (case does not count).
pub(crate) async fn route_of(tx: &Tx, host_name: &str) -> Result<Option<Route>, DbError> {
    sql::one(
        tx,
        &format!("{ROUTE} WHERE fully_qualified_domain_name = ?"),
        [host_name.into()],
    )
    .await
}

/// The app's routes that lead to the deployment, by ascending primary key.
pub(crate) async fn routes_to(tx: &Tx, deployment: &Deployment) -> Result<Vec<Route>, DbError> {
    let sql = format!("{ROUTE} WHERE deployment_id = ? AND app_id = ? ORDER BY pk");
    sql::all(
        tx,
        &sql,
        [
            deployment.id.as_str().into(),
            deployment.app_id.as_str().into(),
        ],
    )
    .await
}

/// Points these routes to the deployment, as far as its app and environment own them.
pub(crate) async fn point(
    tx: &Tx,
    pks: &BTreeSet<u64>,
    to: &Deployment,
    now: i64,
) -> Result<(), DbError> {
    if pks.is_empty() {
        return Ok(());
    }
    tx.touch(Lock::FrontlineRoutes);
    // By primary key and forced: while the table is small the server would rather scan it, and lock routes of others.
    let sql = format!(
        "UPDATE frontline_routes FORCE INDEX (PRIMARY) SET deployment_id = ?, updated_at = ? \
         WHERE pk IN ({}) AND app_id = ? AND environment_id = ?",
        sql::marks(pks.len())
    );
    let head: [Value; 2] = [to.id.as_str().into(), now.into()];
    let tail: [Value; 2] = [to.app_id.as_str().into(), to.environment_id.as_str().into()];
    sql::execute(
        tx,
        &sql,
        head.into_iter()
            .chain(pks.iter().map(|pk| (*pk).into()))
            .chain(tail),
    )
    .await
    .map(drop)
}

/// Makes the deployment the app's live one. The app must be locked.
pub(crate) async fn set_live(
    tx: &Tx,
    app_id: &str,
    deployment_id: &str,
    is_rolled_back: bool,
    now: i64,
) -> Result<(), DbError> {
    let sql = "UPDATE apps SET current_deployment_id = ?, is_rolled_back = ?, updated_at = ? WHERE id = ?";
    sql::execute(
        tx,
        sql,
        [
            deployment_id.into(),
            is_rolled_back.into(),
            now.into(),
            app_id.into(),
        ],
    )
    .await
    .map(drop)
}
