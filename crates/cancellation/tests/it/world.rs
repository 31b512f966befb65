//! An app with deployments, and a Deploy that works on one until it is cancelled.

use std::time::Duration;

use deploy_client::{DeployBackend, DeployService, SERVICE};
use intent::{AppRows, Fixture, NewDeployment};
use messages::hydra::v1 as msg;
use mysql::Db;
use mysql::sea_orm::{FromQueryResult, Value as Sql};
use restate_api::Admin;
use restate_sdk::prelude::*;
use serde_json::json;
use tokio::sync::OnceCell;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Works for an hour.
struct Works;

macro_rules! unused {
    ($($name:ident, $request:ident, $response:ident;)+) => {$(
        async fn $name<'a>(&'a self, _: SharedObjectContext<'a>, _: msg::$request) -> HandlerResult<msg::$response> {
            Ok(msg::$response::default())
        }
    )+};
}

impl DeployBackend for Works {
    async fn deploy<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        _: msg::DeployRequest,
    ) -> HandlerResult<msg::DeployResponse> {
        ctx.sleep(Duration::from_secs(3_600)).await?;
        Ok(msg::DeployResponse::default())
    }

    unused! {
        rollback, RollbackRequest, RollbackResponse;
        promote, PromoteRequest, PromoteResponse;
        scale_down_idle_preview_deployments, ScaleDownIdlePreviewDeploymentsRequest, ScaleDownIdlePreviewDeploymentsResponse;
        wake_deployment, WakeDeploymentRequest, WakeDeploymentResponse;
        notify_instances_ready, NotifyInstancesReadyRequest, NotifyInstancesReadyResponse;
    }
}

/// How a deployment stands.
#[derive(Debug, PartialEq, Eq, FromQueryResult)]
pub(crate) struct State {
    pub(crate) status: String,
    /// Of the newest step with one.
    pub(crate) error: Option<String>,
    pub(crate) end_reason: Option<String>,
    /// Steps that are open.
    pub(crate) open: i64,
    pub(crate) run_ended: i64,
}

pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) admin: Admin,
    pub(crate) app: AppRows,
}

impl World {
    pub(crate) async fn new() -> Self {
        static SERVED: OnceCell<()> = OnceCell::const_new();
        SERVED
            .get_or_init(|| async {
                let endpoint = Endpoint::builder().bind(DeployService(Works)).build();
                testbed::serve(endpoint).await;
            })
            .await;
        let db = testbed::db().await;
        let app = Fixture::new(&db).regions(2).await;
        Self {
            app,
            admin: testbed::admin().await,
            db,
        }
    }

    /// A preview of branch `feature`.
    pub(crate) async fn deployment(&self, status: &'static str) -> String {
        let new = NewDeployment::preview(&self.app.app_id)
            .git("feature", "abc")
            .status(status);
        let id = intent::create_deployment(&self.db, &new).await;
        id.expect("a row")
    }

    /// An invocation of Deploy has it, and this step is open.
    pub(crate) async fn taken(&self, id: &str, step: &str) -> String {
        let ingress = testbed::ingress().await;
        let body = json!({ "deploymentId": id });
        let invocation = ingress.send(SERVICE, id, "Deploy", &body, None).await;
        let invocation = invocation.expect("sent");
        self.execute(
            "INSERT INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at) VALUES (?, ?, 1)",
            [id.into(), invocation.as_str().into()],
        )
        .await;
        self.step(id, step, None).await;
        invocation
    }

    pub(crate) async fn step(&self, id: &str, step: &str, error: Option<&str>) {
        self.execute(
            "INSERT INTO deployment_steps (workspace_id, project_id, app_id, environment_id, deployment_id, step, started_at, ended_at, error)
             SELECT workspace_id, project_id, app_id, environment_id, id, ?, 1, ?, ? FROM deployments WHERE id = ?",
            [
                step.into(),
                error.map(|_| 2_i64).into(),
                error.map(str::to_owned).into(),
                id.into(),
            ],
        )
        .await;
    }

    pub(crate) async fn execute(&self, sql: &str, values: impl IntoIterator<Item = Sql>) {
        mysql::sql::execute(self.db.primary(), sql, values)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    pub(crate) async fn state(&self, id: &str) -> State {
        let sql = "SELECT CAST(d.status AS CHAR) AS status, r.end_reason, r.ended_at IS NOT NULL AS run_ended,
              (SELECT error FROM deployment_steps s WHERE s.deployment_id = d.id AND error IS NOT NULL ORDER BY pk DESC LIMIT 1) AS error,
              (SELECT COUNT(*) FROM deployment_steps s WHERE s.deployment_id = d.id AND ended_at IS NULL) AS `open`
             FROM deployments d LEFT JOIN ctrl_worker_runs r ON r.deployment_id = d.id WHERE d.id = ?";
        let row: Option<State> = mysql::sql::one(self.db.primary(), sql, [id.into()])
            .await
            .expect("read");
        row.expect("a deployment")
    }

    /// As an end of this kind looks.
    pub(crate) async fn ended(&self, id: &str, status: &str, text: &str, word: &str) {
        let wanted = State {
            status: status.to_owned(),
            error: Some(text.to_owned()),
            end_reason: Some(word.to_owned()),
            open: 0,
            run_ended: 1,
        };
        assert_eq!(self.state(id).await, wanted);
    }

    pub(crate) async fn gone(&self, invocation: &str) {
        testbed::eventually(SOON, || async {
            let known = self.admin.invocation_status(&[invocation]).await;
            let known = known.expect("asked");
            known.get(invocation).is_none_or(|s| s == "completed")
        })
        .await;
    }
}
