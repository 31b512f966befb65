//! The service as the worker binds it, over a GitHub and a repository of the test's own.

use std::time::Duration;

use deploy_client::DeployService;
use deployment_client::DeploymentService;
use faults::StreamProxy;
use github::{AppKey, GitHub};
use github_fake::{APP, Fake, INSTALLATION, REPOSITORY, keys};
use github_webhook::{Deps, GitHubWebhook, Settings, Timings};
use github_webhook_client::{GitHubWebhookService, SERVICE};
use intent::{AppRows, Fixture};
use mysql::Db;
use mysql::sea_orm::{FromQueryResult, Value as Sql};
use restate_api::ApiError;
use restate_sdk::endpoint::Endpoint;
use routing_client::RoutingService;
use serde_json::{Value, json};

use crate::neighbours::{Deploys, Routes, States, deploys};

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// Where a commit that waits links to.
pub(crate) const DASHBOARD: &str = "https://app.test";

/// Forty times this digit: a commit.
pub(crate) fn sha(digit: char) -> String {
    std::iter::repeat_n(digit, 40).collect()
}

/// A deployment as it was written.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) k8s_name: String,
    pub(crate) workspace_id: String,
    pub(crate) environment_id: String,
    pub(crate) status: String,
    pub(crate) desired_state: String,
    pub(crate) sha: Option<String>,
    pub(crate) branch: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) handle: Option<String>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) pull: Option<i64>,
    pub(crate) fork: Option<String>,
    pub(crate) port: i32,
    pub(crate) variables: Vec<u8>,
    pub(crate) created_at: i64,
    /// Of the step `queued`.
    pub(crate) queued_at: Option<u64>,
    pub(crate) queued_until: Option<u64>,
    pub(crate) error: Option<String>,
    pub(crate) end_reason: Option<String>,
}

impl Row {
    /// The variables as text.
    pub(crate) fn secrets(&self) -> &str {
        std::str::from_utf8(&self.variables).expect("text")
    }
}

/// One repository. Tests take turns: services of one name have one endpoint.
pub(crate) struct World {
    pub(crate) fake: Fake,
    pub(crate) db: Db,
    pub(crate) proxy: StreamProxy,
    pub(crate) repository: i64,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let turn = TURN.lock().await;
        // a second provider in the process is an error that changes nothing
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let fake = Fake::start(&keys().public).await;
        let app = AppKey::new(APP, &keys().pkcs8).expect("a key");
        let github = github::Settings {
            base_url: fake.url(),
            ..github::Settings::new(Some(app))
        };
        let db = testbed::db().await;
        let deps = Deps {
            db: db.clone(),
            github: GitHub::new(&github).expect("a client"),
            admin: testbed::admin().await,
            settings: Settings {
                dashboard_url: DASHBOARD.to_owned(),
                ..settings
            },
            timings: Timings {
                github: Duration::from_millis(700),
                supersede: Duration::from_secs(2),
                look_again: Duration::from_millis(200),
                most_looks: 20,
            },
        };
        let endpoint = Endpoint::builder()
            .bind(GitHubWebhookService(GitHubWebhook::new(deps)))
            .bind(DeployService(Deploys))
            .bind(DeploymentService(States))
            .bind(RoutingService(Routes))
            .build();
        Self {
            fake,
            db,
            proxy: faults::serve_behind(endpoint).await,
            repository: i64::from(rand::random::<u32>()) + 1,
            _turn: turn,
        }
    }

    /// An app that the repository feeds.
    pub(crate) async fn app(&self) -> AppRows {
        self.connected(Fixture::new(&self.db)).await
    }

    pub(crate) async fn connected(&self, fixture: Fixture<'_>) -> AppRows {
        let app = fixture.await;
        intent::connect_repository(&self.db, &app, INSTALLATION, self.repository, REPOSITORY)
            .await
            .expect("connected");
        app
    }

    /// Key of the repository's object.
    pub(crate) fn key(&self) -> String {
        format!("{INSTALLATION}:{}", self.repository)
    }

    /// A push to a branch, as the intake sends it.
    pub(crate) fn push(&self, branch: &str, after: &str, delivery: &str) -> Value {
        json!({
            "installationId": INSTALLATION.to_string(), "repositoryId": self.repository.to_string(),
            "repositoryFullName": REPOSITORY, "branch": branch, "after": after, "commitMessage": "Fix the cart",
            "commitAuthorHandle": "octo", "commitTimestamp": "1700000000000", "deliveryId": delivery,
            "changedFiles": ["src/cart.rs"], "senderLogin": "octo",
        })
    }

    /// A pull request of a fork.
    pub(crate) fn fork(&self, branch: &str, after: &str, delivery: &str) -> Value {
        let mut body = self.push(branch, after, delivery);
        let more = json!({ "isForkPr": true, "prNumber": "7", "forkRepositoryFullName": "octo/shop", "changedFiles": [] });
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    }

    pub(crate) async fn call(&self, handler: &str, body: &Value) -> Result<Value, ApiError> {
        let ingress = testbed::ingress().await;
        ingress
            .call(SERVICE, self.key().as_str(), handler, body)
            .await
    }

    /// Has a push handled.
    pub(crate) async fn handle(&self, body: &Value) {
        self.call("HandlePush", body).await.expect("handled");
    }

    /// The app's deployments, oldest first.
    pub(crate) async fn rows(&self, app: &AppRows) -> Vec<Row> {
        let sql = "SELECT d.id, d.k8s_name, d.workspace_id, d.environment_id, CAST(d.status AS CHAR) AS status,
                CAST(d.desired_state AS CHAR) AS desired_state, d.git_commit_sha AS sha, d.git_branch AS branch,
                d.git_commit_message AS message, d.git_commit_author_handle AS handle, d.git_commit_timestamp AS timestamp,
                d.pr_number AS pull, d.fork_repository_full_name AS fork, d.port,
                d.encrypted_environment_variables AS variables, d.created_at,
                s.started_at AS queued_at, s.ended_at AS queued_until, s.error, r.end_reason
             FROM deployments d
             LEFT JOIN deployment_steps s ON s.deployment_id = d.id AND s.step = 'queued'
             LEFT JOIN ctrl_worker_runs r ON r.deployment_id = d.id
             WHERE d.app_id = ? ORDER BY d.created_at, d.pk";
        mysql::sql::all(self.db.primary(), sql, [app.app_id.as_str().into()])
            .await
            .expect("read")
    }

    /// The app's only deployment.
    pub(crate) async fn row(&self, app: &AppRows) -> Row {
        let mut rows = self.rows(app).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    pub(crate) async fn execute(&self, sql: &str, values: impl IntoIterator<Item = Sql>) {
        mysql::sql::execute(self.db.primary(), sql, values)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Waits until nothing of the app and the repository is on its way.
    pub(crate) async fn quiet(&self, app: &AppRows) {
        testbed::assert_quiet(&[self.key(), app.workspace_id.clone()]).await;
    }

    /// What Deploy was sent for the app's deployment, once nothing is on its way.
    pub(crate) async fn sent(&self, app: &AppRows, id: &str) -> Vec<(String, Value)> {
        self.quiet(app).await;
        deploys(id)
    }
}
