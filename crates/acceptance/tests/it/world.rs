//! The world of a test: all services bound once per process with scaled waiting times, and per test an app with its
//! own regions and edge agents.

pub(crate) use crate::neighbours::{Broken, break_for, told};
use crate::neighbours::{Deployment, FakeGitHub, FakeOpenapi, Routing};
pub(crate) use crate::query::{execute, number, rows, text};
pub(crate) use crate::times::timings;
use deploy::watch::{WatchDeps, run};
use deploy::{Deploy, Deps, Neighbours, Settings};
use edge_sim::{Agent, AgentHandle, AgentOptions, Behaviour};
use intent::{AppRows, Fixture, NewDeployment};
use mysql::Db;
use restate_api::{Admin, Ingress};
use restate_sdk::prelude::*;
use sea_orm::FromQueryResult;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use testbed::{Restate, RestateOptions, Served};
use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;

pub(crate) const APEX: &str = "unkey.test";

/// Bound services and their clients.
pub(crate) struct Bound {
    pub(crate) db: Db,
    pub(crate) ingress: Ingress,
    pub(crate) admin: Admin,
}

pub(crate) async fn bound() -> &'static Bound {
    static BOUND: OnceCell<Bound> = OnceCell::const_new();
    BOUND
        .get_or_init(|| async { bind(testbed::db().await).await })
        .await
}

/// Dependencies of DeployService over a database.
pub(crate) fn deploy_deps(db: &Db) -> Deps {
    Deps {
        db: db.clone(),
        settings: Settings {
            default_domain: APEX.into(),
            dashboard_url: "https://app.unkey.test".into(),
            sentinel_image: "ghcr.io/unkeyed/unkey:test".into(),
            allow_unauthenticated: false,
        },
        timings: timings(),
        neighbours: Neighbours {
            github_status: true,
            openapi: true,
            builds: false,
        },
        github: github(),
        // not needed by most tests: nobody counts
        counts: Arc::new(request_counts::Unavailable),
        bell: Arc::new(Notify::new()),
    }
}

/// Nothing here is built: nobody is asked for a commit.
fn github() -> github::GitHub {
    github::GitHub::new(&github::Settings::new(None)).expect("a client")
}

/// All services over one database, as an endpoint.
pub(crate) fn endpoint(db: &Db, deps: &Deps) -> Endpoint {
    Endpoint::builder()
        .bind(deploy_client::DeployService(Deploy::new(deps.clone())))
        .bind(deployment_client::DeploymentService(Deployment(
            deployment::Deployment::new(db.clone()),
        )))
        .bind(routing_client::RoutingService(Routing(
            routing::Routing::new(db.clone()),
        )))
        .bind(versioning_client::VersioningService(
            versioning::Versioning::new(db.clone()),
        ))
        .bind(github_status_client::GitHubStatusService(FakeGitHub))
        .bind(openapi_client::OpenapiService(FakeOpenapi))
        .build()
}

async fn bind(db: Db) -> Bound {
    let deps = deploy_deps(&db);
    testbed::serve(endpoint(&db, &deps)).await;
    let (ingress, admin) = (testbed::ingress().await, testbed::admin().await);
    let watch = WatchDeps {
        deploy: deps,
        ingress: ingress.clone(),
        admin: admin.clone(),
        holder: "test".into(),
    };
    testbed::runtime().spawn(run(watch, CancellationToken::new()));
    Bound { db, ingress, admin }
}

/// A world nobody else is in: its own Restate server, its own database, services that can be taken away.
pub(crate) struct Isolated {
    pub(crate) bound: &'static Bound,
    pub(crate) restate: Restate,
    pub(crate) deps: Deps,
    pub(crate) served: Option<Served>,
    pub(crate) watcher: CancellationToken,
}

impl Isolated {
    /// `db`: how the services reach the database; the test itself uses the same.
    pub(crate) async fn new(db: Db) -> Isolated {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("restate");
        let deps = deploy_deps(&db);
        let served = testbed::serve_on(&restate, endpoint(&db, &deps)).await;
        let (ingress, admin) = (restate.ingress(), restate.admin());
        let watcher = CancellationToken::new();
        let watch = WatchDeps {
            deploy: deps.clone(),
            ingress: ingress.clone(),
            admin: admin.clone(),
            holder: "isolated".into(),
        };
        testbed::runtime().spawn(run(watch, watcher.clone()));
        let bound = Box::leak(Box::new(Bound { db, ingress, admin }));
        Isolated {
            bound,
            restate,
            deps,
            served: Some(served),
            watcher,
        }
    }

    pub(crate) async fn world(&self, regions: usize) -> World {
        World::on(self.bound, regions, |f| f).await
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        self.watcher.cancel();
    }
}

/// One app with its regions and agents.
pub(crate) struct World {
    pub(crate) bound: &'static Bound,
    pub(crate) app: AppRows,
    pub(crate) agents: Vec<AgentHandle>,
}

impl World {
    /// An app in so many regions, each with an agent that starts instances at once.
    pub(crate) async fn new(regions: usize) -> World {
        World::with(regions, |f| f).await
    }

    /// As [`World::new`], with a say in quota, policies and the like.
    pub(crate) async fn with(
        regions: usize,
        shape: impl FnOnce(Fixture<'_>) -> Fixture<'_>,
    ) -> World {
        World::on(bound().await, regions, shape).await
    }

    /// An app in a given world.
    pub(crate) async fn on(
        bound: &'static Bound,
        regions: usize,
        shape: impl FnOnce(Fixture<'_>) -> Fixture<'_>,
    ) -> World {
        let app = shape(Fixture::new(&bound.db).regions(regions))
            .create()
            .await
            .expect("fixture");
        let agents = app
            .regions
            .iter()
            .map(|r| agent(&bound.db, &r.name))
            .collect();
        World { bound, app, agents }
    }

    /// Key the control API uses: the workspace.
    pub(crate) fn key(&self) -> &str {
        &self.app.workspace_id
    }

    pub(crate) async fn create(&self, new: &NewDeployment) -> String {
        intent::create_deployment(&self.bound.db, new)
            .await
            .expect("deployment row")
    }

    /// Creates a production deployment and waits for its end.
    pub(crate) async fn deploy_production(&self) -> String {
        let id = self
            .create(&NewDeployment::production(&self.app.app_id))
            .await;
        self.deploy(&id, "nginx:1").await.expect("deploy");
        id
    }

    /// Sends Deploy for an image and waits for its answer.
    pub(crate) async fn deploy(
        &self,
        id: &str,
        image: &str,
    ) -> Result<serde_json::Value, restate_api::ApiError> {
        self.call(
            "Deploy",
            &json!({ "deploymentId": id, "dockerImage": { "image": image } }),
        )
        .await
    }

    /// Sends Deploy one-way; gives the invocation id.
    pub(crate) async fn send(&self, id: &str, image: &str) -> String {
        let body = json!({ "deploymentId": id, "dockerImage": { "image": image } });
        self.bound
            .ingress
            .send("hydra.v1.DeployService", self.key(), "Deploy", &body, None)
            .await
            .expect("send")
    }

    pub(crate) async fn promote(
        &self,
        id: &str,
    ) -> Result<serde_json::Value, restate_api::ApiError> {
        self.call("Promote", &json!({ "targetDeploymentId": id }))
            .await
    }

    pub(crate) async fn rollback(
        &self,
        from: &str,
        to: &str,
    ) -> Result<serde_json::Value, restate_api::ApiError> {
        self.call(
            "Rollback",
            &json!({ "sourceDeploymentId": from, "targetDeploymentId": to }),
        )
        .await
    }

    pub(crate) async fn call(
        &self,
        handler: &str,
        body: &serde_json::Value,
    ) -> Result<serde_json::Value, restate_api::ApiError> {
        self.bound
            .ingress
            .call("hydra.v1.DeployService", self.key(), handler, body)
            .await
    }

    pub(crate) fn behave(&self, region: usize, behaviour: Behaviour) {
        self.agents[region].behave(behaviour);
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        text(
            &self.bound.db,
            "SELECT status AS t FROM deployments WHERE id = ?",
            [id.into()],
        )
        .await
    }

    pub(crate) async fn eventually_status(&self, id: &str, status: &str) {
        testbed::eventually(Duration::from_secs(20), || async {
            let now = self.status(id).await;
            (now == status).then_some(()).ok_or(now)
        })
        .await;
    }

    /// `(step, ended, error)` of a deployment in the order they began.
    pub(crate) async fn steps(&self, id: &str) -> Vec<(String, bool, Option<String>)> {
        #[derive(FromQueryResult)]
        struct Row {
            step: String,
            ended: bool,
            error: Option<String>,
        }
        rows::<Row, 1>(
            &self.bound.db,
            "SELECT CAST(step AS CHAR) AS step, ended_at IS NOT NULL AS ended, error FROM deployment_steps WHERE deployment_id = ? ORDER BY started_at, pk",
            [id.into()],
        )
        .await
        .into_iter()
        .map(|r| (r.step, r.ended, r.error))
        .collect()
    }

    /// `(region id, desired status, version)` by region id.
    pub(crate) async fn topology(&self, id: &str) -> Vec<(String, String, u64)> {
        #[derive(FromQueryResult)]
        struct Row {
            region_id: String,
            desired: String,
            version: u64,
        }
        rows::<Row, 1>(
            &self.bound.db,
            "SELECT region_id, CAST(desired_status AS CHAR) AS desired, version FROM deployment_topology WHERE deployment_id = ? ORDER BY region_id",
            [id.into()],
        )
        .await
        .into_iter()
        .map(|r| (r.region_id, r.desired, r.version))
        .collect()
    }

    /// Host name → (sticky, deployment id) of the app.
    pub(crate) async fn routes(&self) -> BTreeMap<String, (String, String)> {
        #[derive(FromQueryResult)]
        struct Row {
            fqdn: String,
            sticky: String,
            deployment_id: String,
        }
        rows::<Row, 1>(
            &self.bound.db,
            "SELECT fully_qualified_domain_name AS fqdn, CAST(sticky AS CHAR) AS sticky, deployment_id FROM frontline_routes WHERE app_id = ?",
            [self.app.app_id.as_str().into()],
        )
        .await
        .into_iter()
        .map(|r| (r.fqdn, (r.sticky, r.deployment_id)))
        .collect()
    }

    /// The one route of a kind that the app has in an environment.
    pub(crate) async fn route_target(&self, sticky: &str, environment: &str) -> String {
        text(
            &self.bound.db,
            "SELECT deployment_id AS t FROM frontline_routes WHERE app_id = ? AND sticky = ? AND environment_id = ?",
            [self.app.app_id.as_str().into(), sticky.into(), environment.into()],
        )
        .await
    }

    /// `(current deployment, rolled back)`.
    pub(crate) async fn pointer(&self) -> (Option<String>, bool) {
        #[derive(FromQueryResult)]
        struct Row {
            current_deployment_id: Option<String>,
            is_rolled_back: bool,
        }
        let row: Vec<Row> = rows(
            &self.bound.db,
            "SELECT current_deployment_id, is_rolled_back FROM apps WHERE id = ?",
            [self.app.app_id.as_str().into()],
        )
        .await;
        let row = row.into_iter().next().expect("app");
        (row.current_deployment_id, row.is_rolled_back)
    }

    /// The schedule DeploymentService holds for a deployment: `{"Nonce","To",…}`, or null.
    pub(crate) async fn transition(&self, id: &str) -> serde_json::Value {
        let sql = format!(
            "SELECT value_utf8 FROM state WHERE service_name = 'hydra.v1.DeploymentService' AND service_key = {} AND key = 'transition'",
            restate_api::quoted(id)
        );
        let rows = self.bound.admin.query(&sql).await.expect("state");
        rows.first()
            .and_then(|r| r["value_utf8"].as_str())
            .map_or(serde_json::Value::Null, |t| {
                serde_json::from_str(t).expect("json")
            })
    }

    /// Ends the agents and asserts that nothing of this app is in flight.
    pub(crate) async fn end(self, deployments: &[&str]) {
        let mut keys = vec![self.app.workspace_id.clone(), self.app.project_id.clone()];
        keys.extend(deployments.iter().map(|d| (*d).to_owned()));
        testbed::assert_quiet(&keys).await;
        for agent in self.agents {
            agent.stop().await;
        }
    }
}

/// An agent that looks often and starts instances at once.
pub(crate) fn agent(db: &Db, region: &str) -> AgentHandle {
    Agent::start(
        AgentOptions::new(db, region)
            .poll(Duration::from_millis(20))
            .behaviour(Behaviour::ready_after(Duration::ZERO)),
    )
}
