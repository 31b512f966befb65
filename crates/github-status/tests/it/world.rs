//! Both services as the worker binds them, only without ingress privacy, over a GitHub of the test's own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use faults::StreamProxy;
use github::{AppKey, GitHub, Settings};
use github_comment_client::GitHubCommentService;
use github_fake::{APP, Fake, INSTALLATION, REPOSITORY, keys};
use github_status::{Deps, GitHubComment, GitHubStatus, Timings};
use github_status_client::{GitHubStatusService, SERVICE};
use intent::{Fixture, NewDeployment};
use mysql::Db;
use restate_api::ApiError;
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::service::IntoServiceDefinition as _;
use serde_json::{Value, json};

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);
pub(crate) const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
/// One GitHub, and the services over it. Tests take turns: services of one name have one endpoint.
pub(crate) struct World {
    pub(crate) fake: Fake,
    pub(crate) db: Db,
    pub(crate) proxy: StreamProxy,
    /// A pull request of its own: its object outlives the world.
    pub(crate) pull: i64,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

static PULLS: AtomicI64 = AtomicI64::new(7);
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Tries of a second, a timer every other second.
pub(crate) fn quick() -> Timings {
    Timings {
        patience: Duration::from_millis(700),
        settle_after: Duration::from_millis(1_500),
        most_looks: 30,
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(quick()).await
    }

    pub(crate) async fn with(timings: Timings) -> Self {
        let turn = TURN.lock().await;
        // a second provider in the process is an error that changes nothing
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let fake = Fake::start(&keys().public).await;
        let app = AppKey::new(APP, &keys().pkcs8).expect("a key");
        let settings = Settings {
            base_url: fake.url(),
            ..Settings::new(Some(app))
        };
        let db = testbed::db().await;
        let deps = Deps {
            db: db.clone(),
            github: Some(GitHub::new(&settings).expect("a client")),
            app_id: APP,
            timings,
        };
        let open = || ServiceOptions::new().ingress_private(false);
        let status = GitHubStatusService(GitHubStatus::new(deps.clone()));
        let comment = GitHubCommentService(GitHubComment::new(deps));
        let endpoint = Endpoint::builder()
            .bind(status.into_service_definition().options(open()))
            .bind(comment.into_service_definition().options(open()))
            .build();
        Self {
            fake,
            db,
            proxy: faults::serve_behind(endpoint).await,
            pull: PULLS.fetch_add(1, Ordering::Relaxed),
            _turn: turn,
        }
    }

    /// A deployment with this status; gives its id.
    pub(crate) async fn deployment(&self, status: &'static str) -> String {
        let app = Fixture::new(&self.db).create().await.expect("an app");
        let new = NewDeployment::preview(&app.app_id).status(status);
        intent::create_deployment(&self.db, &new)
            .await
            .expect("a row")
    }

    /// Calls a handler of GitHubStatusService.
    pub(crate) async fn call(
        &self,
        deployment: &str,
        handler: &str,
        body: Value,
    ) -> Result<Value, ApiError> {
        let ingress = testbed::ingress().await;
        ingress.call(SERVICE, deployment, handler, &body).await
    }

    pub(crate) async fn init(&self, deployment: &str, body: Value) {
        self.call(deployment, "Init", body).await.expect("Init");
    }

    pub(crate) async fn report(&self, deployment: &str, state: &str, text: &str) {
        let state = format!("GITHUB_DEPLOYMENT_STATE_{state}");
        let body = json!({ "state": state, "description": text });
        self.call(deployment, "ReportStatus", body)
            .await
            .expect("ReportStatus");
    }

    /// States told of the only GitHub deployment, in order.
    pub(crate) fn states(&self) -> Vec<String> {
        let states = self.fake.statuses().into_iter();
        states
            .filter_map(|(_, s)| Some(s["state"].as_str()?.to_owned()))
            .collect()
    }

    /// Lines of the table in our only comment.
    pub(crate) fn rows(&self) -> Vec<String> {
        let ours: Vec<Value> = self
            .fake
            .comments()
            .into_iter()
            .filter(|c| c["performed_via_github_app"]["id"] == APP)
            .collect();
        assert!(ours.len() <= 1, "{ours:?}");
        let body = ours.first().and_then(|c| c["body"].as_str());
        body.unwrap_or_default()
            .lines()
            .filter(|l| l.contains("<!-- row:"))
            .map(str::to_owned)
            .collect()
    }

    /// Whether the object of a deployment remembers anything.
    pub(crate) async fn remembers(&self, deployment: &str) -> bool {
        let sql = format!(
            "SELECT key FROM state WHERE service_name = '{SERVICE}' AND service_key = {}",
            restate_api::quoted(deployment)
        );
        let rows = testbed::admin().await.query(&sql).await.expect("state");
        !rows.is_empty()
    }

    /// The number of the deployment at GitHub, as our row has it.
    pub(crate) async fn number(&self, deployment: &str) -> Option<i64> {
        #[derive(sea_orm::FromQueryResult)]
        struct Row {
            n: Option<i64>,
        }
        let sql = "SELECT github_deployment_id AS n FROM deployments WHERE id = ?";
        let row: Option<Row> = mysql::sql::one(self.db.primary(), sql, [deployment.into()])
            .await
            .expect("read");
        row.and_then(|r| r.n)
    }

    /// `Init` of an app's preview, for the pull request.
    pub(crate) fn preview(&self, app: &str) -> Value {
        json!({
            "installationId": INSTALLATION.to_string(), "repo": REPOSITORY, "commitSha": SHA, "branch": "main",
            "environmentLabel": format!("shop/{app} - preview"), "environmentUrl": "https://shop-preview-acme.unkey.test",
            "logUrl": "https://app.test/d", "projectSlug": "shop", "appSlug": app, "envSlug": "preview", "prNumber": self.pull,
        })
    }

    /// The same without a pull request.
    pub(crate) fn production(&self) -> Value {
        let mut body = self.preview("web");
        body.as_object_mut().expect("an object").remove("prNumber");
        body["isProduction"] = true.into();
        body
    }
}
