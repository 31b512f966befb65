//! The service as the worker binds it, and an app whose two environments have rows in every table.

use crate::seed::{Seeded, seed};
use environment::{Deps, Environment};
use environment_client::{EnvironmentService, SERVICE};
use intent::AppRows;
use mysql::Db;
use mysql::sea_orm::{FromQueryResult, Value as Sql};
use restate_api::{Admin, ApiError, Ingress};
use restate_sdk::endpoint::Endpoint;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use teardown::Timings;
use testbed::Restate;
use tokio::sync::OnceCell;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) fn timings() -> Timings {
    Timings {
        first_pause: Duration::from_millis(50),
        longest_pause: Duration::from_millis(200),
        settle: Duration::from_millis(300),
        gone_after: Duration::from_secs(3),
        aftercare: Duration::from_millis(500),
        again_after: Duration::from_millis(300),
    }
}

pub(crate) fn endpoint(db: Db, admin: Admin) -> Endpoint {
    let deps = Deps {
        db,
        admin,
        timings: timings(),
    };
    Endpoint::builder()
        .bind(EnvironmentService(Environment::new(deps)))
        .build()
}

/// One app on one server.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) ingress: Ingress,
    pub(crate) admin: Admin,
    pub(crate) app: AppRows,
    /// The environment that is deleted.
    pub(crate) production: Seeded,
    /// The one beside it.
    pub(crate) preview: Seeded,
}

impl World {
    /// On the shared server, where the service is registered once.
    pub(crate) async fn new() -> World {
        static SERVED: OnceCell<()> = OnceCell::const_new();
        SERVED
            .get_or_init(|| async {
                testbed::serve(endpoint(testbed::db().await, testbed::admin().await)).await;
            })
            .await;
        World::on(testbed::restate().await).await
    }

    /// On a server that knows the service already.
    pub(crate) async fn on(restate: &Restate) -> World {
        let db = testbed::db().await;
        let app = intent::Fixture::new(&db)
            .regions(2)
            .policy(0, intent::Autoscaling::replicas(1, 2))
            .await;
        let production = seed(&db, &app, "production").await;
        let preview = seed(&db, &app, "preview").await;
        World {
            db,
            ingress: restate.ingress(),
            admin: restate.admin(),
            app,
            production,
            preview,
        }
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<Value, ApiError> {
        self.ingress.call(SERVICE, id, "Delete", &json!({})).await
    }

    /// The edge's part: instances of what was stopped go, archived sentinels report nothing.
    pub(crate) async fn edge_obeys(&self) {
        let sql = "DELETE i FROM instances i JOIN deployment_topology t ON t.deployment_id = i.deployment_id
                   WHERE t.desired_status = 'stopped' AND t.workspace_id = ?";
        self.execute(sql, [self.app.workspace_id.as_str().into()])
            .await;
        let sql = "UPDATE sentinels SET available_replicas = 0 WHERE desired_state = 'archived' AND workspace_id = ?";
        self.execute(sql, [self.app.workspace_id.as_str().into()])
            .await;
    }

    /// Waits until nothing of an environment is left, while the edge obeys.
    pub(crate) async fn becomes_nothing(&self, seeded: &Seeded) {
        testbed::eventually(SOON, || async {
            self.edge_obeys().await;
            let left = self.left(seeded).await;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }

    /// Rows by table that name the environment, its deployments, domains or policies; tables without any are absent.
    pub(crate) async fn left(&self, seeded: &Seeded) -> BTreeMap<String, i64> {
        #[derive(FromQueryResult)]
        struct Count {
            n: i64,
        }
        let mut left = BTreeMap::new();
        for (table, column, keys) in seeded.keys() {
            let sql = format!(
                "SELECT COUNT(*) AS n FROM {table} WHERE {column} IN ({})",
                mysql::sql::marks(keys.len())
            );
            let count: Option<Count> = mysql::sql::one(self.db.primary(), &sql, keys)
                .await
                .unwrap_or_else(|e| panic!("{sql}: {e}"));
            let count = count.map_or(0, |c| c.n);
            if count > 0 {
                left.insert(table.to_owned(), count);
            }
        }
        left
    }

    pub(crate) async fn execute(&self, sql: &str, values: impl IntoIterator<Item = Sql>) -> u64 {
        let values: Vec<Sql> = values.into_iter().collect();
        // the tests' own statements may meet a round's locks
        mysql::retry(|| mysql::sql::execute(self.db.primary(), sql, values.clone()))
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// Column `t` of all rows.
    pub(crate) async fn texts(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Sql>,
    ) -> Vec<String> {
        #[derive(FromQueryResult)]
        struct Text {
            t: String,
        }
        let rows: Vec<Text> = mysql::sql::all(self.db.primary(), sql, values)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
        rows.into_iter().map(|row| row.t).collect()
    }

    /// The object's state; nothing when no delete is under way.
    pub(crate) async fn state(&self, id: &str) -> Vec<Value> {
        let sql = format!(
            "SELECT value_utf8 FROM state WHERE service_name = '{SERVICE}' AND service_key = {}",
            restate_api::quoted(id)
        );
        self.admin.query(&sql).await.expect("state")
    }

    /// Waits for the end of the last look.
    pub(crate) async fn ends(&self, id: &str) {
        testbed::eventually(SOON, || async { self.state(id).await.is_empty() }).await;
        testbed::assert_quiet(&[id]).await;
    }
}
