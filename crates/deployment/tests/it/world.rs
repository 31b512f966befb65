//! The service as the worker binds it, only without ingress privacy; one deployment in two regions; ways to look.

use deployment::Deployment;
use deployment_client::{DeploymentService, SERVICE};
use mysql::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value as Sql};
use mysql::{Db, Options};
use restate_api::{ApiError, quoted};
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::service::IntoServiceDefinition as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use testbed::Restate;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

pub(crate) const STANDBY: &str = "DEPLOYMENT_DESIRED_STATE_STANDBY";
pub(crate) const RUNNING: &str = "DEPLOYMENT_DESIRED_STATE_RUNNING";
pub(crate) const ARCHIVED: &str = "DEPLOYMENT_DESIRED_STATE_ARCHIVED";

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// The endpoint over this database.
pub(crate) fn endpoint(db: Db) -> Endpoint {
    let service = DeploymentService(Deployment::new(db)).into_service_definition();
    Endpoint::builder()
        .bind(service.options(ServiceOptions::new().ingress_private(false)))
        .build()
}

/// The shared database, through a pair of pools whose replica is so far behind that it has no rows at all.
pub(crate) async fn lagging() -> Db {
    static DB: OnceCell<Db> = OnceCell::const_new();
    DB.get_or_init(|| async {
        let mut options = Options::new(testbed::shared_database().await.dsn.clone());
        testbed::db().await;
        options.replica = Some(testbed::migrated_database("replica").await.dsn);
        Db::connect(&options).await.expect("connect")
    })
    .await
    .clone()
}

/// Everything one test needs, on the shared server or on one of its own.
pub(crate) struct World<'a> {
    pub(crate) db: Db,
    pub(crate) restate: &'a Restate,
    pub(crate) workspace_id: String,
    pub(crate) app_id: String,
    /// The deployment under test; not the current one.
    pub(crate) d1: String,
    /// The app's current deployment.
    pub(crate) d9: String,
    /// Where `d1` runs, at versions 10 and 20.
    pub(crate) regions: [String; 2],
}

impl World<'static> {
    /// A world on the shared server, where the service is registered once.
    pub(crate) async fn new() -> Self {
        static SERVED: OnceCell<()> = OnceCell::const_new();
        SERVED
            .get_or_init(|| async {
                testbed::serve(endpoint(lagging().await)).await;
            })
            .await;
        World::on(testbed::restate().await).await
    }
}

impl<'a> World<'a> {
    /// A world on a server that already knows the service.
    pub(crate) async fn on(restate: &'a Restate) -> Self {
        let db = testbed::db().await;
        let app = intent::Fixture::new(&db).regions(2).await;
        let new = intent::NewDeployment::production(&app.app_id).status("ready");
        let d1 = intent::create_deployment(&db, &new)
            .await
            .expect("deployment");
        let d9 = intent::create_deployment(&db, &new)
            .await
            .expect("deployment");
        let regions = [0, 1].map(|i: usize| app.regions[i].id.clone());
        let world = Self {
            db,
            restate,
            workspace_id: app.workspace_id.clone(),
            app_id: app.app_id.clone(),
            d1,
            d9,
            regions,
        };
        for (region, version) in world.regions.iter().zip([10u64, 20]) {
            world.topology(&world.d1, region, version, "running").await;
            let tx = world.db.begin().await.expect("begin");
            mysql::counter::raise(&tx, region, version)
                .await
                .expect("raise");
            tx.commit().await.expect("commit");
        }
        world.set_current(Some(&world.d9)).await;
        world
    }

    pub(crate) async fn topology(
        &self,
        deployment: &str,
        region: &str,
        version: u64,
        status: &str,
    ) {
        let sql = "INSERT INTO deployment_topology (workspace_id, deployment_id, region_id, version, desired_status, created_at) \
                   VALUES (?, ?, ?, ?, ?, 1)";
        execute(
            self.db.primary(),
            sql,
            [
                self.workspace_id.as_str().into(),
                deployment.into(),
                region.into(),
                version.into(),
                status.into(),
            ],
        )
        .await;
    }

    pub(crate) async fn set_current(&self, deployment: Option<&str>) {
        let sql = "UPDATE apps SET current_deployment_id = ? WHERE id = ?";
        execute(
            self.db.primary(),
            sql,
            [deployment.into(), self.app_id.as_str().into()],
        )
        .await;
    }

    pub(crate) async fn schedule(&self, state: &str, delay_ms: i64) {
        self.try_schedule(json!(state), delay_ms)
            .await
            .expect("ScheduleDesiredStateChange");
    }

    pub(crate) async fn try_schedule(
        &self,
        state: Value,
        delay_ms: i64,
    ) -> Result<Value, ApiError> {
        let body = json!({"delayMillis": delay_ms.to_string(), "state": state});
        self.restate
            .ingress()
            .call(SERVICE, &*self.d1, "ScheduleDesiredStateChange", &body)
            .await
    }

    pub(crate) async fn clear(&self) {
        let cleared = self
            .restate
            .ingress()
            .call(SERVICE, &*self.d1, "ClearScheduledStateChanges", &json!({}))
            .await;
        assert_eq!(cleared.expect("ClearScheduledStateChanges"), json!({}));
    }

    /// The object state.
    pub(crate) async fn transition(&self) -> Option<Value> {
        let sql = format!(
            "SELECT value_utf8 FROM state WHERE service_name = '{SERVICE}' AND service_key = {} AND key = 'transition'",
            quoted(&self.d1)
        );
        let rows = self.restate.admin().query(&sql).await.expect("state");
        rows.first().map(|row| {
            serde_json::from_str(row["value_utf8"].as_str().expect("text")).expect("JSON")
        })
    }

    /// The messages the object sent itself, oldest first.
    pub(crate) async fn changes(&self) -> Vec<Value> {
        let sql = format!(
            "SELECT * FROM sys_invocation WHERE target_service_name = '{SERVICE}' AND target_service_key = {} \
             AND target_handler_name = 'ChangeDesiredState' ORDER BY created_at",
            quoted(&self.d1)
        );
        self.restate.admin().query(&sql).await.expect("invocations")
    }

    /// Waits until so many of the object's messages to itself have ended, and gives them all.
    pub(crate) async fn ended(&self, count: usize) -> Vec<Value> {
        testbed::eventually(SOON, || async {
            let changes = self.changes().await;
            let ended = changes
                .iter()
                .filter(|change| change["status"] == "completed")
                .count();
            if ended >= count {
                Ok(changes)
            } else {
                Err(changes)
            }
        })
        .await
    }

    /// `deployments.desired_state`.
    pub(crate) async fn desired_state(&self) -> String {
        let sql = "SELECT desired_state FROM deployments WHERE id = ?";
        let rows = query(&self.db, sql, [self.d1.as_str().into()]).await;
        rows[0].try_get_by_index(0).expect("text")
    }

    /// Region → status and version.
    pub(crate) async fn rows(&self) -> BTreeMap<String, (String, u64)> {
        let sql = "SELECT region_id, desired_status, version FROM deployment_topology WHERE deployment_id = ?";
        let rows = query(&self.db, sql, [self.d1.as_str().into()]).await;
        rows.iter()
            .map(|row| {
                let value = (
                    row.try_get_by_index(1).expect("text"),
                    row.try_get_by_index(2).expect("number"),
                );
                (row.try_get_by_index(0).expect("text"), value)
            })
            .collect()
    }

    /// Both counters.
    pub(crate) async fn counters(&self) -> [u64; 2] {
        let mut counters = [0; 2];
        for (region, counter) in self.regions.iter().zip(&mut counters) {
            *counter = mysql::counter::read(self.db.primary(), region)
                .await
                .expect("read");
        }
        counters
    }

    /// Desired state, both rows, both counters, in one line to compare.
    pub(crate) async fn picture(&self) -> String {
        let rows = self.rows().await;
        let row = |i: usize| {
            rows.get(&self.regions[i])
                .map_or("-".to_owned(), |(status, version)| {
                    format!("{status} {version}")
                })
        };
        let [one, two] = self.counters().await;
        format!(
            "{}: {}, {}; counters {one} {two}",
            self.desired_state().await,
            row(0),
            row(1)
        )
    }

    /// Waits for a picture.
    pub(crate) async fn becomes(&self, wanted: &str) {
        testbed::eventually(SOON, || async {
            let seen = self.picture().await;
            if seen == wanted { Ok(()) } else { Err(seen) }
        })
        .await;
    }
}

/// Before anything happened.
pub(crate) const UNTOUCHED: &str = "running: running 10, running 20; counters 10 20";
/// After one transition to standby.
pub(crate) const ASLEEP: &str = "standby: stopped 11, stopped 21; counters 11 21";

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
