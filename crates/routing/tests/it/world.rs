//! The service as the worker binds it, only without ingress privacy; one app with routes; ways to call and to look.

use intent::AppRows;
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value as Sql};
use restate_api::ApiError;
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::service::IntoServiceDefinition as _;
use routing::Routing;
use routing_client::{RoutingService, SERVICE};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use testbed::Restate;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(15);

/// The endpoint over this database.
pub(crate) fn endpoint(db: Db) -> Endpoint {
    let service = RoutingService(Routing::new(db)).into_service_definition();
    Endpoint::builder()
        .bind(service.options(ServiceOptions::new().ingress_private(false)))
        .build()
}

/// An app with three ready deployments of production, `d1` live, and three routes that lead to it.
pub(crate) struct World<'a> {
    pub(crate) db: Db,
    pub(crate) restate: &'a Restate,
    pub(crate) app: AppRows,
    pub(crate) d1: String,
    pub(crate) d2: String,
    pub(crate) d3: String,
    pub(crate) f_env: String,
    pub(crate) f_live: String,
    pub(crate) f_br: String,
    clock: AtomicI64,
}

impl World<'static> {
    /// A world on the shared server, where the service is registered once.
    pub(crate) async fn new() -> Self {
        static SERVED: OnceCell<()> = OnceCell::const_new();
        SERVED
            .get_or_init(|| async {
                testbed::serve(endpoint(testbed::db().await)).await;
            })
            .await;
        World::on(testbed::restate().await).await
    }
}

impl<'a> World<'a> {
    /// A world on a server that already knows the service.
    pub(crate) async fn on(restate: &'a Restate) -> Self {
        World::with(restate, testbed::db().await).await
    }

    /// A world in a database of its own.
    pub(crate) async fn with(restate: &'a Restate, db: Db) -> Self {
        let app = intent::Fixture::new(&db).await;
        let empty = String::new;
        let mut world = Self {
            db,
            restate,
            app,
            d1: empty(),
            d2: empty(),
            d3: empty(),
            f_env: empty(),
            f_live: empty(),
            f_br: empty(),
            clock: AtomicI64::new(1_000),
        };
        world.d1 = world.deployment("production", "ready").await;
        world.d2 = world.deployment("production", "ready").await;
        world.d3 = world.deployment("production", "ready").await;
        world.f_env = world.route("environment", &world.d1).await;
        world.f_live = world.route("live", &world.d1).await;
        world.f_br = world.route("branch", &world.d1).await;
        world.set_app(Some(&world.d1), false).await;
        world
    }

    /// A deployment, each newer than the one before.
    pub(crate) async fn deployment(&self, environment: &str, status: &'static str) -> String {
        let mut new = intent::NewDeployment::of(&self.app.app_id, environment).status(status);
        new.created_at = Some(self.clock.fetch_add(1, Ordering::Relaxed));
        intent::create_deployment(&self.db, &new)
            .await
            .expect("deployment")
    }

    /// A route of production.
    pub(crate) async fn route(&self, sticky: &str, to: &str) -> String {
        self.route_in(
            &self.app.production_environment_id,
            sticky,
            to,
            &format!("{}.example", ids::dns_label(12)),
        )
        .await
    }

    pub(crate) async fn route_in(
        &self,
        environment: &str,
        sticky: &str,
        to: &str,
        host_name: &str,
    ) -> String {
        let id = ids::random(ids::Prefix::ROUTE);
        let sql = "INSERT INTO frontline_routes (id, project_id, app_id, deployment_id, environment_id, fully_qualified_domain_name, \
                   sticky, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 1)";
        let (project, app) = (&*self.app.project_id, &*self.app.app_id);
        let values = [&*id, project, app, to, environment, host_name, sticky].map(Into::into);
        execute(self.db.primary(), sql, values).await;
        id
    }

    pub(crate) async fn set_app(&self, current: Option<&str>, is_rolled_back: bool) {
        let sql = "UPDATE apps SET current_deployment_id = ?, is_rolled_back = ? WHERE id = ?";
        execute(
            self.db.primary(),
            sql,
            [
                current.into(),
                is_rolled_back.into(),
                self.app.app_id.as_str().into(),
            ],
        )
        .await;
    }

    /// Calls a handler with the project as key.
    pub(crate) async fn call(&self, handler: &str, body: Value) -> Result<Value, ApiError> {
        self.restate
            .ingress()
            .call(SERVICE, &*self.app.project_id, handler, &body)
            .await
    }

    pub(crate) async fn assign(
        &self,
        deployment: &str,
        routes: &[&str],
    ) -> Result<Value, ApiError> {
        self.call(
            "AssignFrontlineRoutes",
            json!({"deploymentId": deployment, "frontlineRouteIds": routes}),
        )
        .await
    }

    /// `SwapLiveDeployment` of every sticky route, as promote (`false`) and rollback (`true`) call it.
    pub(crate) async fn swap(&self, deployment: &str, rollback: bool) -> Result<Value, ApiError> {
        let body = json!({"deploymentId": deployment, "allStickyRoutes": true, "setRollbackFlag": rollback});
        self.call("SwapLiveDeployment", body).await
    }

    pub(crate) async fn finish(
        &self,
        deployment: &str,
        routes: &[&str],
    ) -> Result<Value, ApiError> {
        self.call(
            "FinishDeployment",
            json!({"deploymentId": deployment, "frontlineRouteIds": routes}),
        )
        .await
    }

    /// Where a route leads.
    pub(crate) async fn target(&self, route: &str) -> String {
        let sql = "SELECT deployment_id FROM frontline_routes WHERE id = ?";
        query(&self.db, sql, [route.into()]).await[0]
            .try_get_by_index(0)
            .expect("text")
    }

    /// Where `f_env`, `f_live` and `f_br` lead, and the pointer; `d1`…`d3` by their names here.
    pub(crate) async fn picture(&self) -> String {
        let name = |id: &str| match [&self.d1, &self.d2, &self.d3]
            .iter()
            .position(|known| **known == id)
        {
            Some(i) => format!("d{}", i + 1),
            None if id.is_empty() => "none".to_owned(),
            None => id.to_owned(),
        };
        let (current, is_rolled_back) = self.pointer().await;
        let (env, live, br) = (
            self.target(&self.f_env).await,
            self.target(&self.f_live).await,
            self.target(&self.f_br).await,
        );
        let back = if is_rolled_back { " rolled back" } else { "" };
        format!(
            "env {} live {} branch {}; current {}{back}",
            name(&env),
            name(&live),
            name(&br),
            name(&current.unwrap_or_default())
        )
    }

    /// The app's live deployment and its flag.
    pub(crate) async fn pointer(&self) -> (Option<String>, bool) {
        let sql = "SELECT current_deployment_id, is_rolled_back FROM apps WHERE id = ?";
        let row = &query(&self.db, sql, [self.app.app_id.as_str().into()]).await[0];
        (
            row.try_get_by_index(0).expect("text"),
            row.try_get_by_index(1).expect("flag"),
        )
    }

    pub(crate) async fn status(&self, deployment: &str) -> String {
        let sql = "SELECT status FROM deployments WHERE id = ?";
        query(&self.db, sql, [deployment.into()]).await[0]
            .try_get_by_index(0)
            .expect("text")
    }
}

/// Nothing moved since the beginning.
pub(crate) const UNTOUCHED: &str = "env d1 live d1 branch d1; current d1";

/// The status and code of a refusal.
pub(crate) fn refusal(answer: Result<Value, ApiError>) -> (u16, String) {
    let refused = answer.expect_err("refused");
    let message = refused.message().unwrap_or_default();
    (
        refused.status().unwrap_or_default(),
        message.split(':').next().unwrap_or_default().to_owned(),
    )
}

pub(crate) async fn execute(
    c: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Sql>,
) {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    c.execute_raw(statement)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}

pub(crate) async fn query(
    db: &Db,
    sql: &str,
    values: impl IntoIterator<Item = Sql>,
) -> Vec<QueryResult> {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    db.primary()
        .query_all_raw(statement)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// Only one test at a time holds rows back and waits for who wants them: [`waits_for_a_lock`] cannot tell whose wait
/// it sees.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// Waits until a statement like this has been running for so long that a lock must be keeping it.
pub(crate) async fn waits_for_a_lock(db: &Db, like: &str) {
    let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID() \
               AND COMMAND IN ('Query', 'Execute') AND TIME_MS > 300 AND INFO LIKE ?";
    testbed::eventually(SOON, || async {
        query(db, sql, [like.into()]).await[0]
            .try_get_by_index::<i64>(0)
            .expect("number")
            > 0
    })
    .await;
}
