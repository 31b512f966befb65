//! The service as the worker binds it, only without ingress privacy, and one deployment with a host name.

use crate::site::Site;
use intent::{AppRows, NewDeployment, Runtime};
use mysql::Db;
use mysql::sea_orm::{FromQueryResult, Value as Sql};
use openapi::{Deps, Openapi, Scraper, Timings, Way};
use openapi_client::{OpenapiService, SERVICE};
use restate_api::ApiError;
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::service::IntoServiceDefinition as _;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::OnceCell;

pub(crate) const DOCUMENT: &[u8] =
    br#"{"openapi":"3.1.0","info":{"title":"one","version":"1"},"paths":{}}"#;
pub(crate) const OTHER: &[u8] = b"openapi: 3.0.3\ninfo:\n  title: two\n";

pub(crate) fn timings() -> Timings {
    Timings {
        first_pause: Duration::from_millis(200),
        longest_pause: Duration::from_millis(400),
        attempts: 4,
        request: Duration::from_secs(2),
        max_bytes: 100_000,
    }
}

pub(crate) fn endpoint(db: Db, site: &Site, private: bool) -> Endpoint {
    let timings = timings();
    let deps = Deps {
        db,
        scraper: Scraper::new(Way::to(site.addr, true), &timings).expect("clients"),
        timings,
    };
    let service = OpenapiService(Openapi::new(deps)).into_service_definition();
    Endpoint::builder()
        .bind(service.options(ServiceOptions::new().ingress_private(private)))
        .build()
}

pub(crate) async fn site() -> &'static Site {
    static SITE: OnceCell<Site> = OnceCell::const_new();
    SITE.get_or_init(|| async {
        let site = Site::start().await;
        testbed::serve(endpoint(testbed::db().await, &site, false)).await;
        site
    })
    .await
}

pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) site: &'static Site,
    pub(crate) app: AppRows,
    pub(crate) id: String,
    pub(crate) host: String,
}

impl World {
    /// A ready deployment whose document is at `path`, with a host name of its own.
    pub(crate) async fn new(path: Option<&str>) -> World {
        let world = World::without_host(path).await;
        world.route(&world.host.clone()).await;
        world
    }

    pub(crate) async fn without_host(path: Option<&str>) -> World {
        let site = site().await;
        let db = testbed::db().await;
        let runtime = Runtime {
            openapi_spec_path: path.map(str::to_owned),
            ..Runtime::default()
        };
        let app = intent::Fixture::new(&db).runtime(runtime).await;
        let new = NewDeployment::production(&app.app_id).status("ready");
        let id = intent::create_deployment(&db, &new)
            .await
            .expect("a deployment");
        let host = format!("App-{}.unkey.test", id.replace('_', "-"));
        World {
            db,
            site,
            app,
            id,
            host,
        }
    }

    pub(crate) async fn route(&self, host: &str) {
        let sql = "INSERT INTO frontline_routes (id, project_id, app_id, deployment_id, environment_id, fully_qualified_domain_name, sticky, created_at)
                   VALUES (?, ?, ?, ?, ?, ?, 'deployment', 1)";
        let values = [
            format!("flr_{}", self.id).into(),
            self.app.project_id.as_str().into(),
            self.app.app_id.as_str().into(),
            self.id.as_str().into(),
            self.app.production_environment_id.as_str().into(),
            host.into(),
        ];
        self.execute(sql, values).await;
    }

    pub(crate) async fn set_path(&self, path: Option<&str>) {
        let sql = "UPDATE app_runtime_settings SET openapi_spec_path = ? WHERE app_id = ?";
        self.execute(sql, [path.into(), self.app.app_id.as_str().into()])
            .await;
    }

    pub(crate) async fn scrape(&self) -> Result<Value, ApiError> {
        scrape(&self.id).await
    }

    /// Id, content, and whether it was updated after it was created.
    pub(crate) async fn stored(&self) -> Option<(String, Vec<u8>)> {
        #[derive(FromQueryResult)]
        struct Row {
            id: String,
            content: Vec<u8>,
        }
        let sql = "SELECT id, content FROM openapi_specs WHERE workspace_id = ? AND deployment_id = ? AND portal_config_id IS NULL AND updated_at >= created_at";
        let rows: Vec<Row> = mysql::sql::all(
            self.db.primary(),
            sql,
            [
                self.app.workspace_id.as_str().into(),
                self.id.as_str().into(),
            ],
        )
        .await
        .expect("rows");
        assert!(rows.len() < 2);
        rows.into_iter().next().map(|row| (row.id, row.content))
    }

    pub(crate) async fn execute(&self, sql: &str, values: impl IntoIterator<Item = Sql>) {
        let values: Vec<Sql> = values.into_iter().collect();
        // the tests' own statements may meet the locks of what they test
        mysql::retry(|| mysql::sql::execute(self.db.primary(), sql, values.clone()))
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

pub(crate) async fn scrape(id: &str) -> Result<Value, ApiError> {
    let body = json!({ "deploymentId": id });
    testbed::ingress()
        .await
        .call(SERVICE, None, "ScrapeSpec", &body)
        .await
}
