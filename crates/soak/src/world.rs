//! The world of a run: own servers, the worker behind a database proxy, regions with agents, apps with quotas.
//!
//! Not for what happens in it: see `operate` and `disturb`.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use edge_sim::{Agent, AgentHandle, AgentOptions, Behaviour};
use intent::{AppRows, NewApp, NewProject, NewWorkspace, Quota, Region, Runtime};
use mysql::Db;
use restate_api::{Admin, Ingress};
use testbed::{Database, MariaDb, MariaDbOptions, Proxy, Restate, RestateOptions, Served};

use crate::Error;
use crate::child::Worker;
use crate::plan::{APPS, REGIONS};

/// Image of deployments that never become ready.
pub(crate) const BROKEN_IMAGE: &str = "broken:1";
/// Image of all others.
pub(crate) const IMAGE: &str = "nginx:1";

/// From a demotion to standby: 30 minutes scaled.
pub(crate) const STANDBY_DELAY: Duration = Duration::from_secs(3);
/// Past its deadline an active status may last so long: 3 minutes scaled, with what a busy machine adds.
pub(crate) const GRACE: Duration = Duration::from_secs(15);

/// The worker's scaled waiting times.
const TIMINGS: &str = "ready_timeout = \"5s\"\nstandby_delay = \"3s\"\nwake_timeout = \"3s\"\n\
    pending_timeout = \"8s\"\nstep_budget = \"20s\"\nreconcile_grace = \"2s\"\nreconcile_interval = \"300ms\"\n\
    watch_min = \"20ms\"\nwatch_max = \"200ms\"\nwatch_resend = \"500ms\"\n";

/// Those of the deletes. What has stopped stays for longer than any region is down, as in production.
const TEARDOWN: &str = "first_pause = \"200ms\"\nlongest_pause = \"1s\"\nsettle = \"4s\"\ngone_after = \"10s\"\n\
    aftercare = \"2s\"\nagain_after = \"2s\"\n";

/// CPU quota of each workspace in millicores: plenty, and two that bind at times.
const QUOTAS: [u32; 3] = [1_000_000, 8_000, 6_000];

/// Whether the control plane is whole. A region that fails does not count.
#[derive(Debug, Default)]
pub(crate) struct Health {
    disturbed: AtomicBool,
}

impl Health {
    pub(crate) fn set_disturbed(&self, disturbed: bool) {
        self.disturbed.store(disturbed, Ordering::SeqCst);
    }

    pub(crate) fn is_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst)
    }
}

/// What operations and observers need; servers may come and go below it.
pub(crate) struct Stage {
    /// The harness's own way to the database, past the proxy.
    pub(crate) db: Db,
    pub(crate) database: Database,
    pub(crate) ingress: Ingress,
    pub(crate) admin: Admin,
    pub(crate) apps: Vec<AppRows>,
    pub(crate) regions: Vec<Region>,
    pub(crate) agents: Vec<AgentHandle>,
    pub(crate) health: Health,
}

/// What faults need.
pub(crate) struct Servers {
    pub(crate) worker: Worker,
    pub(crate) proxy: Proxy,
    pub(crate) restate: Restate,
    pub(crate) mariadb: MariaDb,
    _driver: Served,
}

/// Starts everything.
pub(crate) async fn start(program: PathBuf) -> Result<(Arc<Stage>, Servers), Error> {
    let mariadb = MariaDb::start(MariaDbOptions::default());
    let restate = Restate::start(RestateOptions::default());
    let (mariadb, restate) = tokio::try_join!(mariadb, restate)?;
    let database = testbed::create_database_on(&mariadb.url(), "soak").await;
    testbed::migrate(&database).await;
    let db = Db::connect(&mysql::Options::new(database.dsn.clone())).await?;
    let io = |what: &str| {
        let what = what.to_owned();
        move |source| Error::Io { what, source }
    };
    let proxy = Proxy::start(mariadb.addr())
        .await
        .map_err(io("start the database proxy"))?;
    // goes with the server unless evidence is kept
    let dir = mariadb.dir();
    let address = free_port().map_err(io("find a free port"))?;
    let config = dir.join("worker.toml");
    let behind = database
        .dsn
        .replace(&mariadb.addr().to_string(), &proxy.addr().to_string());
    let text = format!(
        "cname_domain = \"cname.test\"\ndefault_domain = \"unkey.test\"\n[database]\nprimary = \"{behind}\"\n\
         [restate]\nlisten = \"{address}\"\nadmin_url = \"{}\"\ningress_url = \"{}\"\n\
         [observability.logging]\nformat = \"json\"\n[test_timings.deploy]\n{TIMINGS}\
         [test_timings.teardown]\n{TEARDOWN}",
        restate.admin_url, restate.ingress_url
    );
    std::fs::write(&config, text).map_err(io("write the worker's configuration"))?;
    let worker = Worker::start(program, config, dir.join("worker.log"), address).await?;
    restate
        .admin()
        .register(&format!("http://{address}"), true)
        .await?;
    let driver = testbed::serve_on(&restate, crate::driver::endpoint()).await;
    let (regions, apps) = rows(&db).await?;
    let agents = regions.iter().map(|r| agent(&db, r)).collect();
    let stage = Stage {
        db,
        database,
        ingress: restate.ingress(),
        admin: restate.admin(),
        apps,
        regions,
        agents,
        health: Health::default(),
    };
    let servers = Servers {
        worker,
        proxy,
        restate,
        mariadb,
        _driver: driver,
    };
    Ok((Arc::new(stage), servers))
}

/// Three workspaces with a project each, two apps per project; every second app runs in all regions.
async fn rows(db: &Db) -> Result<(Vec<Region>, Vec<AppRows>), Error> {
    let mut regions = Vec::new();
    for number in 0..REGIONS {
        let name = format!("sim-{number}");
        let id = intent::create_region(db, &name, "sim").await?;
        regions.push(Region { id, name });
    }
    let mut apps = Vec::new();
    for (number, cpu_millicores) in QUOTAS.into_iter().enumerate() {
        let quota = Quota {
            cpu_millicores,
            memory_mib: 2_000_000,
        };
        let workspace = NewWorkspace {
            name: "Soak".to_owned(),
            slug: format!("soak{number}"),
            quota: Some(quota),
        };
        let workspace_id = intent::create_workspace(db, &workspace).await?;
        let project = NewProject {
            workspace_id: workspace_id.clone(),
            name: "Soak".to_owned(),
            slug: "shop".to_owned(),
        };
        let project_id = intent::create_project(db, &project).await?;
        for slug in ["default", "api"] {
            let new = NewApp {
                workspace_id: workspace_id.clone(),
                project_id: project_id.clone(),
                name: slug.to_owned(),
                slug: slug.to_owned(),
                default_branch: "main".to_owned(),
                runtime: Runtime::default(),
            };
            let mut app = intent::create_app(db, &new).await?;
            let count = if slug == "api" { REGIONS } else { REGIONS - 1 };
            for region in &regions[..count] {
                intent::allow_region(db, &app, region, None).await?;
                app.regions.push(region.clone());
            }
            apps.push(app);
        }
    }
    assert_eq!(apps.len(), APPS, "the plan counts on it");
    Ok((regions, apps))
}

/// How a healthy region behaves.
pub(crate) fn healthy() -> Behaviour {
    Behaviour::ready_after(Duration::from_millis(120))
}

fn agent(db: &Db, region: &Region) -> AgentHandle {
    let options = AgentOptions::new(db, &region.name)
        .poll(Duration::from_millis(60))
        .resync(Duration::from_secs(3))
        .behaviour(healthy());
    let agent = Agent::start(options);
    agent.behave_for_image(BROKEN_IMAGE, Behaviour::never_ready());
    agent
}

fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
