//! A Restate server, a database and a worker process of its own behind the proxy, which a deployment can be told to
//! kill; and what a deployment has left in the tables, without the names that differ from one to the next.
//!
//! Not for what must hold: see the test.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use edge_sim::{Agent, AgentHandle, AgentOptions, Behaviour};
use faults::{Cut, Kind, Seen, StreamProxy};
use intent::{AppRows, Fixture, NewDeployment};
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait as _, Statement};
use restate_api::{Admin, Ingress};
use serde_json::json;
use testbed::{Restate, RestateOptions};

use crate::process::{PATIENCE, Worker, config};

pub(crate) const DEPLOY: &str = "hydra.v1.DeployService";
pub(crate) const ROUTING: &str = "hydra.v1.RoutingService";
const REGIONS: usize = 2;
const SHA: &str = "0123abcd0123abcd0123abcd0123abcd0123abcd";

/// A place in the journals of a deployment: the same one in each deployment of the same kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) service: String,
    handler: String,
    index: usize,
    step: String,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = self.service.trim_start_matches("hydra.v1.");
        write!(
            f,
            "{service}/{} #{} {}",
            self.handler, self.index, self.step
        )
    }
}

impl From<&Seen> for Command {
    fn from(seen: &Seen) -> Self {
        Self {
            service: seen.service.clone(),
            handler: seen.handler.clone(),
            index: seen.index.expect("a command has an index"),
            step: seen.step(),
        }
    }
}

/// What is known about a kill.
pub(crate) struct Death {
    pub(crate) at: Command,
    pub(crate) killed: u32,
    pub(crate) successor: u32,
    /// Status of the invocation of Deploy right after the kill.
    pub(crate) invocation: String,
    /// Status in the deployment's row right after the kill.
    pub(crate) deployment: String,
}

/// A deployment that has ended.
pub(crate) struct Run {
    /// What Deploy and its calls to RoutingService have journaled, in order.
    pub(crate) commands: Vec<Command>,
    pub(crate) death: Option<Death>,
    /// Rows of the deployment by table.
    pub(crate) shape: BTreeMap<&'static str, Vec<String>>,
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

    /// A new app's first production deployment, to its end. The worker is killed right before Restate has the command.
    pub(crate) async fn deploy(&mut self, kill_at: Option<&Command>) -> Run {
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

        let seen_dead = Arc::new(Mutex::new(None));
        let cut =
            kill_at.map(|command| self.proxy.cut(self.killing(command, &app, &id, &seen_dead)));
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
            let at = cut.wait(PATIENCE).await.expect("the stream was cut");
            let (killed, invocation, deployment) = seen_dead
                .lock()
                .unwrap()
                .take()
                .expect("the worker was killed");
            let successor = self.start_another().await;
            death = Some(Death {
                at: Command::from(&at),
                killed,
                successor,
                invocation,
                deployment,
            });
        }
        finished(&ingress, &invocation).await;
        let run = Run {
            commands: self.commands(&app),
            death,
            shape: self.shape(&app, &id).await,
        };
        self.assert_quiet(&app).await;
        for agent in agents {
            agent.stop().await;
        }
        run
    }

    /// The rule that kills the worker and notes how things stood: its pid, the invocation, the row.
    fn killing(
        &self,
        at: &Command,
        app: &AppRows,
        id: &str,
        dead: &Arc<Mutex<Option<(u32, String, String)>>>,
    ) -> Cut {
        let key = if at.service == DEPLOY {
            &app.workspace_id
        } else {
            &app.project_id
        };
        let (slot, dead) = (Arc::clone(&self.worker), Arc::clone(dead));
        let (admin, db) = (self.restate.admin(), self.db.clone());
        let (workspace, id) = (app.workspace_id.clone(), id.to_owned());
        Cut::command(&at.service, &at.handler, at.index)
            .of_key(key)
            .doing(move |_| {
                let (slot, dead, admin, db) = (
                    Arc::clone(&slot),
                    Arc::clone(&dead),
                    admin.clone(),
                    db.clone(),
                );
                let (workspace, id) = (workspace.clone(), id.clone());
                async move {
                    let worker = slot.lock().unwrap().take().expect("a worker runs");
                    let pid = worker.pid();
                    // SIGKILL, and its end is awaited
                    drop(worker);
                    let deployment =
                        texts(&db, "SELECT status AS t FROM deployments WHERE id = ?", &id)
                            .await
                            .concat();
                    let invocation = invocation_status(&admin, &workspace).await;
                    *dead.lock().unwrap() = Some((pid, invocation, deployment));
                }
            })
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

    fn commands(&self, app: &AppRows) -> Vec<Command> {
        let mut commands = Vec::new();
        for seen in self.proxy.journal().iter().filter(|s| s.kind.is_command()) {
            let ours = match seen.service.as_str() {
                DEPLOY => seen.key == app.workspace_id && seen.handler == "Deploy",
                ROUTING => seen.key == app.project_id,
                _ => false,
            };
            let command = Command::from(seen);
            if ours && !commands.contains(&command) {
                commands.push(command);
            }
        }
        commands
    }

    /// The rows a deployment leaves, each as a text without the ids and slugs of the app.
    async fn shape(&self, app: &AppRows, id: &str) -> BTreeMap<&'static str, Vec<String>> {
        let queries = [
            (
                "deployment",
                "SELECT CONCAT_WS(' ', d.status, d.desired_state, d.image, IF(a.current_deployment_id = d.id, 'live', 'not live')) AS t
                 FROM deployments d JOIN apps a ON a.id = d.app_id WHERE d.id = ?",
            ),
            (
                "steps",
                "SELECT CONCAT_WS(' ', step, IF(ended_at IS NULL, 'running', 'ended'), error) AS t
                 FROM deployment_steps WHERE deployment_id = ? ORDER BY started_at, pk",
            ),
            (
                "topology",
                "SELECT CONCAT_WS(' ', region_id, desired_status) AS t FROM deployment_topology WHERE deployment_id = ?",
            ),
            (
                "policies",
                "SELECT CONCAT_WS(' ', region_id, policy) AS t FROM cilium_network_policies WHERE deployment_id = ?",
            ),
            (
                "sentinels",
                "SELECT CONCAT_WS(' ', region_id, desired_state) AS t FROM sentinels
                 WHERE environment_id = (SELECT environment_id FROM deployments WHERE id = ?)",
            ),
            (
                "routes",
                "SELECT CONCAT_WS(' ', r.sticky, r.deployment_id, r.fully_qualified_domain_name) AS t FROM frontline_routes r
                 WHERE r.app_id = (SELECT app_id FROM deployments WHERE id = ?)",
            ),
        ];
        let mut shape = BTreeMap::new();
        for (table, sql) in queries {
            let mut rows: Vec<String> = texts(&self.db, sql, id)
                .await
                .iter()
                .map(|row| nameless(row, app, id))
                .collect();
            if table != "steps" {
                rows.sort();
            }
            shape.insert(table, rows);
        }
        assert_eq!(shape["deployment"], ["ready running nginx:1 live"]);
        for table in ["topology", "sentinels"] {
            let regions: Vec<&str> = shape[table]
                .iter()
                .filter_map(|row| row.split(' ').next())
                .collect();
            assert_eq!(
                regions,
                ["<region 0>", "<region 1>"],
                "one row of {table} per region"
            );
        }
        for (table, rows) in shape.iter().filter(|(table, _)| **table != "steps") {
            assert!(!rows.is_empty(), "no {table}");
            assert!(
                rows.windows(2).all(|pair| pair[0] != pair[1]),
                "twice in {table}: {rows:#?}"
            );
        }
        shape
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

/// Column `t` of all rows; the only parameter is an id.
async fn texts(db: &Db, sql: &str, id: &str) -> Vec<String> {
    let primary = db.primary();
    let statement =
        Statement::from_sql_and_values(primary.get_database_backend(), sql, [id.into()]);
    let rows = primary
        .query_all_raw(statement)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.iter()
        .map(|row| {
            row.try_get("", "t")
                .unwrap_or_else(|e| panic!("{sql}: {e}"))
        })
        .collect()
}

/// A row's text with placeholders for what differs between apps.
fn nameless(row: &str, app: &AppRows, id: &str) -> String {
    let mut names = vec![
        (id.to_owned(), "<deployment>"),
        (id.replace('_', "-").to_ascii_lowercase(), "<deployment>"),
        (app.workspace_id.clone(), "<workspace>"),
        (app.workspace_slug.clone(), "<workspace>"),
        (app.project_id.clone(), "<project>"),
        (app.project_slug.clone(), "<project>"),
        (app.app_id.clone(), "<app>"),
        (app.production_environment_id.clone(), "<environment>"),
    ];
    for (region, placeholder) in app.regions.iter().zip(["<region 0>", "<region 1>"]) {
        names.push((region.id.clone(), placeholder));
    }
    let mut text = row.to_owned();
    for (name, placeholder) in &names {
        text = text.replace(name, placeholder);
    }
    // the name for one commit also has six characters derived from the deployment
    let commit = format!("-git-{}-", &SHA[..7]);
    match text.split_once(&commit) {
        Some((before, after)) if after.len() > 6 => {
            format!("{before}{commit}<suffix>{}", &after[6..])
        }
        _ => text,
    }
}
