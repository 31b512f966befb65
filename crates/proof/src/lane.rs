//! One lane: a Restate server, a database, a worker process behind the stream proxy. Plays follow each other in it.
//!
//! Not for what a play does: see `play`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use edge_sim::{Agent, AgentOptions, Behaviour};
use faults::StreamProxy;
use intent::{Fixture, NewDeployment};
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait as _, DbBackend, Statement, Value as Sql};
use restate_api::{Admin, ApiError, Ingress};
use serde_json::{Value, json};
use testbed::{Restate, RestateOptions, Served};

use crate::driver::{self, DRIVER, Wanted};
use crate::outside::Outside;
use crate::scene::{Request, Scene};
use crate::upgrade::Upgrade;
use crate::worker_process::WorkerProcess;

pub(crate) const DEPLOY: &str = "hydra.v1.DeployService";
pub(crate) const DEPLOYMENT: &str = "hydra.v1.DeploymentService";
pub(crate) const ROUTING: &str = "hydra.v1.RoutingService";
pub(crate) const VERSIONING: &str = "hydra.v1.VersioningService";
/// How long a play may take to come to rest, in seconds: longer than anything here takes on a busy machine.
static PATIENCE: AtomicU64 = AtomicU64::new(60);

/// Sets how long a play may take to come to rest.
pub fn set_patience(seconds: u64) {
    PATIENCE.store(seconds, Ordering::Relaxed);
}

pub(crate) fn patience() -> Duration {
    Duration::from_secs(PATIENCE.load(Ordering::Relaxed))
}

/// The worker that is running; none between a kill and the next start.
pub(crate) type Slot = Arc<Mutex<Option<WorkerProcess>>>;

/// Servers and worker of one lane.
pub struct Lane {
    restate: Restate,
    /// Its database.
    pub db: Db,
    pub(crate) proxy: StreamProxy,
    pub(crate) worker: Slot,
    program: PathBuf,
    config: String,
    authority: AtomicBool,
    /// Services of the worker, with the inactivity timeout each asks for.
    pub(crate) services: Vec<(String, Value)>,
    /// What the worker reaches outside.
    pub(crate) outside: Outside,
    /// The worker of another build, in a rehearsal of an upgrade.
    pub(crate) upgrade: Upgrade,
    /// The invocation that was struck last.
    pub(crate) struck: Arc<Mutex<String>>,
    _driver: Served,
}

impl Lane {
    /// Starts everything; `program worker <config>` is the worker.
    ///
    /// # Errors
    /// What did not start, in words.
    pub async fn start(
        program: &Path,
        number: usize,
        ready_timeout: Duration,
    ) -> Result<Self, String> {
        let database = testbed::migrated_database(&format!("lane{number}")).await;
        let db = Db::connect(&mysql::Options::new(database.dsn.clone()))
            .await
            .map_err(|e| e.to_string())?;
        let restate = Restate::start(RestateOptions::default())
            .await
            .map_err(|e| e.to_string())?;
        let outside = Outside::start(&database.url).await?;
        let config = config(&database.dsn, &restate, &outside, ready_timeout);
        let worker = WorkerProcess::start(program, &config).map_err(|e| e.to_string())?;
        let proxy = StreamProxy::start(worker.address)
            .await
            .map_err(|e| e.to_string())?;
        restate
            .admin()
            .register(&proxy.url(), true)
            .await
            .map_err(|e| e.to_string())?;
        let services = restate
            .admin()
            .services()
            .await
            .map_err(|e| e.to_string())?;
        let services: Vec<(String, Value)> = services
            .into_iter()
            .map(|s| {
                let timeout = s.rest.get("inactivity_timeout").cloned();
                (s.name, timeout.unwrap_or_default())
            })
            .collect();
        let served: Vec<String> = services.iter().map(|(name, _)| name.clone()).collect();
        let driver = testbed::serve_on(&restate, driver::endpoint(&served)).await;
        Ok(Self {
            restate,
            db,
            proxy,
            worker: Arc::new(Mutex::new(Some(worker))),
            program: program.to_owned(),
            config,
            authority: AtomicBool::new(false),
            services,
            outside,
            upgrade: Upgrade::default(),
            struck: Arc::default(),
            _driver: driver,
        })
    }

    /// Client of the ingress that waits as long as a play may take.
    pub fn ingress(&self) -> Ingress {
        self.restate.ingress().with_timeout(Some(patience()))
    }

    /// Client of the admin API.
    pub fn admin(&self) -> Admin {
        self.restate.admin()
    }

    /// Starts a worker where there is none; gives its process id.
    pub(crate) fn revive(&self) -> Result<u32, String> {
        let mut slot = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = slot.as_ref() {
            return Ok(worker.pid());
        }
        let worker = WorkerProcess::start(&self.program, &self.configuration());
        let worker = worker.map_err(|e| e.to_string())?;
        self.proxy.retarget(worker.address);
        let pid = worker.pid();
        *slot = Some(worker);
        Ok(pid)
    }

    /// What a worker of this lane is configured with.
    pub(crate) fn configuration(&self) -> String {
        let more = match self.authority.load(Ordering::Relaxed) {
            true => self.outside.authority(),
            false => String::new(),
        };
        format!("{}{more}", self.config)
    }

    /// Sees to it that the next worker has a certificate authority, or none; one that is not as wanted ends.
    pub(crate) fn dress(&self, authority: bool) {
        if self.authority.swap(authority, Ordering::Relaxed) != authority {
            let mut slot = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
            drop(slot.take());
        }
    }

    /// Sends a line to the worker's listener for faults.
    pub(crate) fn tell_worker(&self, line: &str) -> Result<Vec<String>, String> {
        let slot = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let worker = slot.as_ref().ok_or("no worker runs")?;
        worker.tell(line).map_err(|e| e.to_string())
    }

    /// Leaves the request with Restate, through the driver where the ingress may not call; gives the invocation to
    /// wait for.
    pub(crate) async fn send(&self, request: &Request) -> Result<String, ApiError> {
        if request.service == DEPLOY {
            return self
                .ingress()
                .send(
                    DEPLOY,
                    request.key.as_str(),
                    request.handler,
                    &request.body,
                    None,
                )
                .await;
        }
        let wanted = Wanted {
            service: request.service.to_owned(),
            key: request.key.clone(),
            handler: request.handler.to_owned(),
            body: request.body.clone(),
        };
        self.ingress()
            .send(DRIVER, None, "Call", &wanted, None)
            .await
    }

    /// Makes a call and waits for its end; for preparing worlds.
    pub(crate) async fn call(&self, request: &Request) -> Value {
        let invocation = self.send(request).await.expect("Restate takes the call");
        let answer = self.ingress().attach(&invocation).await;
        answer.unwrap_or_else(|e| panic!("{}/{}: {e}", request.service, request.handler))
    }

    /// An app in so many regions, whose agents start instances at once.
    pub(crate) async fn scene(
        &self,
        regions: usize,
        shape: impl FnOnce(Fixture<'_>) -> Fixture<'_>,
    ) -> Scene {
        let app = shape(Fixture::new(&self.db).regions(regions))
            .create()
            .await
            .expect("an app");
        let agents = app
            .regions
            .iter()
            .map(|region| {
                let options = AgentOptions::new(&self.db, &region.name)
                    .poll(Duration::from_millis(20))
                    .behaviour(Behaviour::ready_after(Duration::ZERO));
                Agent::start(options)
            })
            .collect();
        let mut names: Vec<(String, String)> = [
            (&app.workspace_id, "<workspace>"),
            (&app.workspace_slug, "<workspace slug>"),
            (&app.project_id, "<project>"),
            (&app.project_slug, "<project slug>"),
            (&app.app_id, "<app>"),
            (&app.app_slug, "<app slug>"),
            (&app.production_environment_id, "<production>"),
            (&app.preview_environment_id, "<preview>"),
        ]
        .map(|(name, placeholder)| (name.clone(), placeholder.to_owned()))
        .into();
        for (index, region) in app.regions.iter().enumerate() {
            names.push((region.id.clone(), format!("<region {index}>")));
        }
        Scene {
            app,
            agents,
            names,
            deployments: Vec::new(),
            request: Request {
                service: "",
                key: String::new(),
                handler: "",
                body: Value::Null,
            },
            late: None,
            sleeps_before: 0,
            beside: None,
        }
    }

    /// A deployment with a role; the row alone.
    pub(crate) async fn row(
        &self,
        scene: &mut Scene,
        role: &'static str,
        new: NewDeployment,
    ) -> String {
        let new = if new.git.sha.is_empty() {
            // a commit each: names of two deployments of one commit are told apart by four digits that may agree
            let number = scene.deployments.len();
            new.git(
                "main",
                &format!("{number:07x}{}", "0123abcd0123abcd0123abcd0123abcd0"),
            )
        } else {
            new
        };
        let id = intent::create_deployment(&self.db, &new)
            .await
            .expect("a row");
        let in_names = id.replace('_', "-").to_ascii_lowercase();
        scene.names.insert(0, (in_names, role.to_owned()));
        scene.names.insert(0, (id.clone(), role.to_owned()));
        scene.deployments.push((role, id.clone()));
        id
    }

    /// A production deployment that has gone live through the worker.
    pub(crate) async fn deployed(&self, scene: &mut Scene, role: &'static str) -> String {
        let id = self
            .row(scene, role, NewDeployment::production(&scene.app.app_id))
            .await;
        self.call(&deploy(&scene.app.workspace_id, &id)).await;
        id
    }

    /// Runs SQL with text parameters.
    pub(crate) async fn execute(&self, sql: &str, values: &[&str]) {
        let values: Vec<Sql> = values.iter().map(|v| (*v).into()).collect();
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
        let done = self.db.primary().execute_raw(statement).await;
        done.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Column `t` of all rows.
    pub(crate) async fn texts(&self, sql: &str, values: &[&str]) -> Vec<String> {
        let values: Vec<Sql> = values.iter().map(|v| (*v).into()).collect();
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
        let rows = self.db.primary().query_all_raw(statement).await;
        rows.unwrap_or_else(|e| panic!("{sql}: {e}"))
            .iter()
            .map(|row| {
                row.try_get("", "t")
                    .unwrap_or_else(|e| panic!("{sql}: {e}"))
            })
            .collect()
    }

    /// Object state of a service under these keys: key, name, value. What is not JSON is a text.
    pub(crate) async fn state(
        &self,
        service: &str,
        keys: &[&str],
    ) -> Result<Vec<(String, String, Value)>, String> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = keys.iter().map(|key| restate_api::quoted(key)).collect();
        let sql = format!(
            "SELECT service_key, key, value_utf8 FROM state WHERE service_name = {} AND service_key IN ({})",
            restate_api::quoted(service),
            keys.join(", ")
        );
        let rows = self.admin().query(&sql).await.map_err(|e| e.to_string())?;
        let text = |row: &Value, column: &str| row[column].as_str().unwrap_or_default().to_owned();
        let entry = |row: &Value| {
            let value = text(row, "value_utf8");
            let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
            (text(row, "service_key"), text(row, "key"), value)
        };
        Ok(rows.iter().map(entry).collect())
    }
}

/// The worker's configuration: waiting times short enough for thousands of plays, addresses of this lane.
fn config(dsn: &str, restate: &Restate, outside: &Outside, ready_timeout: Duration) -> String {
    format!(
        r#"
cname_domain = "cname.test"
default_domain = "unkey.test"
[database]
primary = "{dsn}"
[restate]
admin_url = "{}"
ingress_url = "{}"
# the clock's stories are about the refill; the other jobs must not run by themselves in between
[scheduler]
quota_check = false
certificate_renewal = false
idle_scale_down = false
key_last_used_sync = false
[deploy]
build_wait_timeout = "8s"
[test_timings.deploy]
ready_timeout = "{}s"
wake_timeout = "4s"
watch_min = "20ms"
watch_max = "100ms"
watch_resend = "1s"
report_after_cancel = "0s"
reconcile_grace = "3s"
reconcile_interval = "500ms"
{}"#,
        restate.admin_url,
        restate.ingress_url,
        ready_timeout.as_secs(),
        outside.config()
    )
}

/// Deploys an image.
pub(crate) fn deploy(workspace: &str, id: &str) -> Request {
    Request {
        service: DEPLOY,
        key: workspace.to_owned(),
        handler: "Deploy",
        body: json!({ "deploymentId": id, "dockerImage": { "image": "nginx:1" } }),
    }
}
