//! A Restate server, a database and a worker process of its own behind the proxy, and deployments during which the
//! worker is killed at a chosen message.
//!
//! Not for what must hold: see the tests.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use edge_sim::{Agent, AgentHandle, AgentOptions, Behaviour};
use faults::{Cut, Kind, Seen, StreamProxy};
use intent::{AppRows, Fixture, NewDeployment};
use mysql::Db;
use restate_api::{Admin, Ingress};
use serde_json::json;
use testbed::{Restate, RestateOptions};

use super::rows::{SHA, Shape, shape, texts, versions};
use crate::process::{PATIENCE, Worker, config};

pub(crate) const DEPLOY: &str = "hydra.v1.DeployService";
pub(crate) const ROUTING: &str = "hydra.v1.RoutingService";
const REGIONS: usize = 2;

/// A command or run result of a deployment: the same one in each deployment of the same kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) service: String,
    handler: String,
    index: usize,
    pub(crate) kind: Kind,
    name: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = self.service.trim_start_matches("hydra.v1.");
        let text = format!(
            "{service}/{} #{} {} {}",
            self.handler, self.index, self.kind, self.name
        );
        f.write_str(text.trim_end())
    }
}

impl From<&Seen> for Message {
    fn from(seen: &Seen) -> Self {
        Self {
            service: seen.service.clone(),
            handler: seen.handler.clone(),
            index: seen.index.expect("it has a place in the journal"),
            kind: seen.kind,
            name: seen.name.clone(),
        }
    }
}

/// How things stood right after the kill.
#[derive(Debug)]
pub(crate) struct Death {
    pub(crate) at: Message,
    pub(crate) killed: u32,
    /// Status of the invocation of Deploy.
    pub(crate) invocation: String,
    /// Status in the deployment's row.
    pub(crate) deployment: String,
    /// Region and version of each topology row.
    pub(crate) versions: Vec<String>,
}

/// A deployment that has ended.
pub(crate) struct Run {
    /// Commands and run results of Deploy and its calls to RoutingService, in order.
    pub(crate) messages: Vec<Message>,
    /// The kill, and the pid of the worker that came after.
    pub(crate) death: Option<(Death, u32)>,
    pub(crate) shape: Shape,
    pub(crate) versions: Vec<String>,
}

/// The worker that is running; none between a kill and the next start.
type Slot = Arc<Mutex<Option<Worker>>>;

pub(crate) struct World {
    restate: Restate,
    db: Db,
    proxy: StreamProxy,
    worker: Slot,
    /// Where every worker listens, one after the other.
    address: SocketAddr,
    config: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        let database = testbed::migrated_database("kill").await;
        let db = Db::connect(&mysql::Options::new(database.dsn.clone()))
            .await
            .expect("connects");
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate starts");
        let lines = format!(
            "admin_url = \"{}\"\ningress_url = \"{}\"",
            restate.admin_url, restate.ingress_url
        );
        let config = config(&database.dsn, &lines, "");
        let worker = Worker::start(&config);
        let address = worker.address().await;
        worker.ready().await;
        let proxy = StreamProxy::start(address).await.expect("a port");
        restate
            .admin()
            .register(&proxy.url(), true)
            .await
            .expect("registered");
        Self {
            restate,
            db,
            proxy,
            worker: Arc::new(Mutex::new(Some(worker))),
            address,
            config,
        }
    }

    /// A new app's first production deployment, to its end. The worker is killed right before Restate has the message.
    pub(crate) async fn deploy(&mut self, kill_at: Option<&Message>) -> Run {
        self.proxy.forget();
        let app = Fixture::new(&self.db)
            .regions(REGIONS)
            .create()
            .await
            .expect("an app");
        let agents: Vec<AgentHandle> = app
            .regions
            .iter()
            .map(|r| agent(&self.db, &r.name))
            .collect();
        let new = NewDeployment::production(&app.app_id).git("main", SHA);
        let id = intent::create_deployment(&self.db, &new)
            .await
            .expect("a row");

        let victim = Victim {
            worker: Arc::clone(&self.worker),
            death: Arc::default(),
            admin: self.restate.admin(),
            db: self.db.clone(),
            workspace: app.workspace_id.clone(),
            id: id.clone(),
        };
        let cut = kill_at.map(|at| self.proxy.cut(killing(at, &app, &victim)));
        let body = json!({ "deploymentId": id, "dockerImage": { "image": "nginx:1" } });
        let ingress = self.restate.ingress();
        let invocation = ingress
            .send(DEPLOY, app.workspace_id.as_str(), "Deploy", &body, None)
            .await
            .expect("sent");

        // The edge starts instances only when the deployment waits for them, so that it always has to wait.
        let waits = |s: &Seen| s.invocation == invocation && s.kind == Kind::SLEEP;
        testbed::eventually(PATIENCE, || async {
            let dead = cut.as_ref().is_some_and(|c| !c.happened().is_empty());
            let journal = self.proxy.journal();
            (dead || journal.iter().any(waits))
                .then_some(())
                .ok_or(journal)
        })
        .await;
        for agent in &agents {
            agent.behave(Behaviour::ready_after(Duration::ZERO));
        }

        let mut death = None;
        if let Some(cut) = cut {
            cut.wait(PATIENCE).await.expect("the stream was cut");
            let first = victim.death.lock().unwrap().take();
            death = Some((first.expect("it was killed"), self.start_another().await));
        }
        finished(&ingress, &invocation).await;
        let run = Run {
            messages: self.messages(&app),
            death,
            shape: shape(&self.db, &app, &id).await,
            versions: versions(&self.db, &id).await,
        };
        self.assert_quiet(&app).await;
        for agent in agents {
            agent.stop().await;
        }
        run
    }

    /// Starts a worker where the killed one listened; gives its pid.
    async fn start_another(&self) -> u32 {
        let worker = Worker::start(
            &self
                .config
                .replace("127.0.0.1:0", &self.address.to_string()),
        );
        worker.logged("started").await;
        let pid = worker.pid();
        let before = self.worker.lock().unwrap().replace(worker);
        assert!(before.is_none(), "the killed worker still runs");
        pid
    }

    fn messages(&self, app: &AppRows) -> Vec<Message> {
        let mut messages = Vec::new();
        for seen in self.proxy.journal() {
            let ours = match seen.service.as_str() {
                DEPLOY => seen.key == app.workspace_id && seen.handler == "Deploy",
                ROUTING => seen.key == app.project_id,
                _ => false,
            };
            if ours && seen.index.is_some() {
                let message = Message::from(&seen);
                if !messages.contains(&message) {
                    messages.push(message);
                }
            }
        }
        messages
    }

    /// Nothing of this app is in flight; delayed messages may be waiting.
    async fn assert_quiet(&self, app: &AppRows) {
        let sql = format!(
            "SELECT target, status, last_failure FROM sys_invocation WHERE status NOT IN ('completed', 'scheduled') \
             AND target_service_key IN ('{}', '{}')",
            app.workspace_id, app.project_id
        );
        let admin = self.restate.admin();
        testbed::eventually(PATIENCE, || async {
            let rows = admin
                .query(&sql)
                .await
                .map_err(|e| vec![json!(e.to_string())])?;
            rows.is_empty().then_some(()).ok_or(rows)
        })
        .await;
    }

    /// Ends the worker; the servers go with their values.
    pub(crate) async fn end(self) {
        let worker = self.worker.lock().unwrap().take();
        assert!(
            worker.is_some_and(|mut worker| worker.runs()),
            "the last worker lives"
        );
    }
}

/// The worker, with what is to be known about its end.
#[derive(Clone)]
struct Victim {
    worker: Slot,
    death: Arc<Mutex<Option<Death>>>,
    admin: Admin,
    db: Db,
    workspace: String,
    id: String,
}

impl Victim {
    async fn die(self, at: Seen) {
        let worker = self.worker.lock().unwrap().take();
        let worker = worker.expect("a worker runs");
        let killed = worker.pid();
        // SIGKILL, and its end is awaited
        drop(worker);
        let status = "SELECT status AS t FROM deployments WHERE id = ?";
        let death = Death {
            at: Message::from(&at),
            killed,
            invocation: invocation_status(&self.admin, &self.workspace).await,
            deployment: texts(&self.db, status, &self.id).await.concat(),
            versions: versions(&self.db, &self.id).await,
        };
        *self.death.lock().unwrap() = Some(death);
    }
}

fn killing(at: &Message, app: &AppRows, victim: &Victim) -> Cut {
    let key = if at.service == DEPLOY {
        &app.workspace_id
    } else {
        &app.project_id
    };
    let cut = if at.kind == Kind::RUN_RESULT {
        Cut::run_result(&at.service, &at.handler, &at.name)
    } else {
        Cut::command(&at.service, &at.handler, at.index)
    };
    let victim = victim.clone();
    cut.of_key(key).doing(move |at| victim.clone().die(at))
}

/// An agent in whose region nothing becomes ready.
fn agent(db: &Db, region: &str) -> AgentHandle {
    Agent::start(
        AgentOptions::new(db, region)
            .poll(Duration::from_millis(20))
            .behaviour(Behaviour::never_ready()),
    )
}

async fn finished(ingress: &Ingress, invocation: &str) {
    let answer = ingress.attach(invocation).await;
    answer.unwrap_or_else(|e| panic!("the deployment failed: {e}"));
}

async fn invocation_status(admin: &Admin, workspace: &str) -> String {
    let sql = format!(
        "SELECT status FROM sys_invocation WHERE target_service_name = '{DEPLOY}' AND target_handler_name = 'Deploy' \
         AND target_service_key = '{workspace}'"
    );
    let rows = admin.query(&sql).await.expect("Restate answers");
    assert_eq!(rows.len(), 1, "one deployment per workspace");
    rows[0]["status"].as_str().expect("a status").to_owned()
}
