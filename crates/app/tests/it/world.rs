//! The service as the worker binds it, a fake of the service below it, and one app.

use app::{App, Deps};
use app_client::{AppService, SERVICE};
use environment_client::{EnvironmentBackend, EnvironmentService};
use intent::AppRows;
use messages::hydra::v1 as msg;
use mysql::Db;
use mysql::sea_orm::{FromQueryResult, Value as Sql};
use restate_api::{Admin, ApiError, Ingress};
use restate_sdk::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;
use teardown::Timings;
use testbed::Restate;
use tokio::sync::OnceCell;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// How often each child was told to go.
static TOLD: LazyLock<Mutex<BTreeMap<String, usize>>> = LazyLock::new(Mutex::default);

pub(crate) fn told(id: &str) -> usize {
    TOLD.lock().unwrap().get(id).copied().unwrap_or_default()
}

/// Remembers what it is told and leaves the row to the test.
struct Child;

impl EnvironmentBackend for Child {
    async fn delete<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::DeleteEnvironmentRequest,
    ) -> HandlerResult<msg::DeleteEnvironmentResponse> {
        *TOLD
            .lock()
            .unwrap()
            .entry(ctx.key().to_owned())
            .or_default() += 1;
        Ok(msg::DeleteEnvironmentResponse::default())
    }
}

pub(crate) fn endpoint(db: Db) -> Endpoint {
    let timings = Timings {
        first_pause: Duration::from_millis(50),
        longest_pause: Duration::from_millis(200),
        aftercare: Duration::from_millis(500),
        again_after: Duration::from_millis(300),
        ..Timings::default()
    };
    Endpoint::builder()
        .bind(AppService(App::new(Deps { db, timings })))
        .bind(EnvironmentService(Child))
        .build()
}

/// One app on one server.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) ingress: Ingress,
    pub(crate) admin: Admin,
    pub(crate) app: AppRows,
}

impl World {
    /// On the shared server, where the services are registered once.
    pub(crate) async fn new() -> World {
        static SERVED: OnceCell<()> = OnceCell::const_new();
        SERVED
            .get_or_init(|| async {
                testbed::serve(endpoint(testbed::db().await)).await;
            })
            .await;
        World::on(testbed::restate().await).await
    }

    /// On a server that knows the services already.
    pub(crate) async fn on(restate: &Restate) -> World {
        let db = testbed::db().await;
        let app = intent::Fixture::new(&db).await;
        intent::connect_repository(&db, &app, 1, 2, "acme/shop")
            .await
            .expect("connected");
        World {
            db,
            ingress: restate.ingress(),
            admin: restate.admin(),
            app,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.app.app_id
    }

    pub(crate) fn children(&self) -> [&str; 2] {
        [
            &self.app.production_environment_id,
            &self.app.preview_environment_id,
        ]
    }

    pub(crate) async fn delete(&self) -> Result<Value, ApiError> {
        self.ingress
            .call(SERVICE, self.id(), "Delete", &json!({}))
            .await
    }

    /// The child's part.
    pub(crate) async fn remove(&self, child: &str) {
        assert_eq!(
            self.execute("DELETE FROM environments WHERE id = ?", [child.into()])
                .await,
            1
        );
    }

    pub(crate) async fn execute(&self, sql: &str, values: impl IntoIterator<Item = Sql>) -> u64 {
        let values: Vec<Sql> = values.into_iter().collect();
        // the tests' own statements may meet the locks of what they test
        mysql::retry(|| mysql::sql::execute(self.db.primary(), sql, values.clone()))
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// Number of rows.
    pub(crate) async fn count(&self, table: &str, column: &str, id: &str) -> i64 {
        #[derive(FromQueryResult)]
        struct Count {
            n: i64,
        }
        let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE {column} = ?");
        let count: Option<Count> = mysql::sql::one(self.db.primary(), &sql, [id.into()])
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
        count.map_or(0, |c| c.n)
    }

    pub(crate) async fn becomes_gone(&self) {
        testbed::eventually(SOON, || async {
            self.count("apps", "id", self.id()).await == 0
        })
        .await;
    }

    /// Waits for the end of the last look.
    pub(crate) async fn ends(&self) {
        let sql = format!(
            "SELECT key FROM state WHERE service_name = '{SERVICE}' AND service_key = {}",
            restate_api::quoted(self.id())
        );
        testbed::eventually(SOON, || async {
            self.admin.query(&sql).await.expect("state").is_empty()
        })
        .await;
        testbed::assert_quiet(&[self.id()]).await;
    }
}
