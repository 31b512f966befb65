//! The world of a test: an app with a repository, and what became of its deployments.

use std::time::Duration;

use build_testbed::{BuildSeen, Finish, Script, Solve};
use edge_sim::{Agent, AgentHandle, AgentOptions, Behaviour};
use github_fake::{INSTALLATION, REPOSITORY};
use intent::{AppRows, Fixture, NewDeployment};
use restate_api::ApiError;
use serde_json::{Value, json};

pub(crate) use crate::bound::*;
use crate::query::text;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// The commit the GitHub here knows.
pub(crate) const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
/// The repository's number at GitHub.
pub(crate) const REPOSITORY_ID: i64 = 7;
const DEPLOY: &str = deploy_client::SERVICE;

/// An app with a repository, in one region with an edge agent that starts instances at once.
pub(crate) struct World {
    pub(crate) bound: &'static Bound,
    pub(crate) app: AppRows,
    _agent: AgentHandle,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(bound().await).await
    }

    pub(crate) async fn on(bound: &'static Bound) -> Self {
        Self::connected(bound, REPOSITORY_ID).await
    }

    /// An app that is connected to the repository under this number.
    pub(crate) async fn connected(bound: &'static Bound, repository_id: i64) -> Self {
        let app = Fixture::new(&bound.db).create().await.expect("an app");
        intent::connect_repository(&bound.db, &app, INSTALLATION, repository_id, REPOSITORY)
            .await
            .expect("connected");
        let options = AgentOptions::new(&bound.db, &app.regions[0].name)
            .poll(Duration::from_millis(20))
            .behaviour(Behaviour::ready_after(Duration::ZERO));
        let agent = Agent::start(options);
        Self {
            bound,
            app,
            _agent: agent,
        }
    }

    pub(crate) async fn create(&self, new: &NewDeployment) -> String {
        intent::create_deployment(&self.bound.db, new)
            .await
            .expect("a row")
    }

    /// A production deployment that waits for its Deploy.
    pub(crate) async fn production(&self) -> String {
        self.create(&NewDeployment::production(&self.app.app_id))
            .await
    }

    /// A source at the commit there is.
    pub(crate) fn source(&self) -> Value {
        json!({ "installationId": INSTALLATION.to_string(), "repository": REPOSITORY, "commitSha": SHA })
    }

    /// Deploys a source and waits for the answer.
    pub(crate) async fn deploy(&self, id: &str, source: Value) -> Result<Value, ApiError> {
        let body = json!({ "deploymentId": id, "git": source });
        let key = self.app.workspace_id.as_str();
        self.bound.ingress.call(DEPLOY, key, "Deploy", &body).await
    }

    /// Sends it; gives the invocation.
    pub(crate) async fn send(&self, id: &str, source: Value) -> String {
        let body = json!({ "deploymentId": id, "git": source });
        let key = self.app.workspace_id.as_str();
        let sent = self.bound.ingress.send(DEPLOY, key, "Deploy", &body, None);
        sent.await.expect("sent")
    }

    /// What happens in the solves of a deployment.
    pub(crate) fn script(&self, id: &str, script: Script) {
        self.bound.depot.buildkit().script(id, script);
    }

    /// Solves that push a deployment's image.
    pub(crate) fn solves(&self, id: &str) -> Vec<Solve> {
        let mut solves = self.bound.depot.buildkit().solves_of(id);
        solves.retain(|s| s.image().contains(id));
        solves
    }

    /// Waits until a deployment is being built.
    pub(crate) async fn building(&self, id: &str) {
        testbed::eventually(SOON, || async {
            (!self.solves(id).is_empty())
                .then_some(())
                .ok_or("no solve")
        })
        .await;
    }

    /// Its build at Depot, by our row.
    pub(crate) async fn build(&self, id: &str) -> Option<BuildSeen> {
        let sql = "SELECT build_id AS t FROM ctrl_worker_builds WHERE deployment_id = ?";
        let build = text(&self.bound.db, sql, [id.into()]).await;
        self.bound.depot.build(&build)
    }

    /// The ends Depot was told of its build, once there is one.
    pub(crate) async fn finishes(&self, id: &str) -> Vec<Finish> {
        testbed::eventually(SOON, || async {
            let build = self.build(id).await.ok_or("no build")?;
            let ended = !build.finishes.is_empty();
            ended.then_some(build.finishes).ok_or("not ended")
        })
        .await
    }

    pub(crate) async fn column(&self, id: &str, column: &str) -> String {
        let sql = format!("SELECT CAST({column} AS CHAR) AS t FROM deployments WHERE id = ?");
        text(&self.bound.db, &sql, [id.into()]).await
    }

    /// The error of a step.
    pub(crate) async fn step_error(&self, id: &str, step: &str) -> String {
        let sql = "SELECT error AS t FROM deployment_steps WHERE deployment_id = ? AND step = ?";
        text(&self.bound.db, sql, [id.into(), step.into()]).await
    }

    pub(crate) async fn eventually_status(&self, id: &str, status: &str) {
        testbed::eventually(SOON, || async {
            let now = self.column(id, "status").await;
            (now == status).then_some(()).ok_or(now)
        })
        .await;
    }

    /// What GitHub shows of a deployment, in order, once it shows `last`.
    pub(crate) async fn states(&self, id: &str, last: &str) -> Vec<String> {
        testbed::eventually(SOON, || async {
            let number = self.column(id, "github_deployment_id").await;
            let states: Vec<String> = self
                .bound
                .github
                .statuses()
                .into_iter()
                .filter(|(of, _)| *of == number)
                .filter_map(|(_, s)| Some(s["state"].as_str()?.to_owned()))
                .collect();
            let there = states.last().is_some_and(|s| s == last);
            there.then_some(states.clone()).ok_or(states)
        })
        .await
    }
}
