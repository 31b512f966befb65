//! The service as the worker binds it, only without ingress privacy, over a builder of the test's own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use build::{Build, BuildLog, Deps, Owner, SealingKey, Settings, Timings};
use build_client::{BuildService, SERVICE};
use builder::{
    BuildError, Builder, Built, Event, LogLine, Operation, Order, Outcome, Platform, Secret, Sink,
    Ticket,
};
use faults::StreamProxy;
use github::{AppKey, GitHub};
use github_fake::{APP, Fake, INSTALLATION, REPOSITORY, keys};
use intent::{AppRows, Fixture, NewDeployment};
use mysql::Db;
use restate_api::ApiError;
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::service::IntoServiceDefinition as _;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use vault::Vault;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// What the Vault wants to hear.
const TOKEN: &str = "vault-token-of-the-tests";
pub(crate) const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// What a run does.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    Builds,
    FailsOfCustomer,
    IsAway,
    Refuses,
    /// Until it is told to stop.
    TakesForEver,
}

/// What happened to one deployment at the builder.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    pub(crate) created: usize,
    /// Build ids of the runs.
    pub(crate) runs: Vec<String>,
    pub(crate) finishes: Vec<Outcome>,
    pub(crate) tokens: Vec<Option<String>>,
    pub(crate) variables: BTreeMap<String, String>,
}

/// A builder by script. What is asked of it is told apart by the image, which ends with the deployment.
#[derive(Default)]
pub(crate) struct Scripted {
    scripts: Mutex<BTreeMap<String, VecDeque<Does>>>,
    seen: Mutex<BTreeMap<String, Seen>>,
    /// Build id to deployment, known from the first run.
    builds: Mutex<BTreeMap<String, String>>,
    projects: Mutex<Vec<String>>,
    next: Mutex<usize>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scripted {
    pub(crate) fn script(&self, deployment: &str, does: &[Does]) {
        lock(&self.scripts).insert(deployment.to_owned(), does.iter().cloned().collect());
    }

    pub(crate) fn seen(&self, deployment: &str) -> Seen {
        lock(&self.seen)
            .get(deployment)
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn created_in(&self, project: &str) -> usize {
        lock(&self.seen).get(project).map_or(0, |s| s.created)
    }

    pub(crate) fn projects_of(&self, project: &str) -> usize {
        let name = format!("test-{project}");
        lock(&self.projects).iter().filter(|p| **p == name).count()
    }

    fn note(&self, name: &str, note: impl FnOnce(&mut Seen)) {
        note(lock(&self.seen).entry(name.to_owned()).or_default());
    }

    fn next(&self) -> usize {
        let mut next = lock(&self.next);
        *next += 1;
        *next
    }
}

#[async_trait::async_trait]
impl Builder for Scripted {
    fn kind(&self) -> &'static str {
        "depot"
    }

    async fn create_project(&self, name: &str) -> Result<Option<String>, BuildError> {
        lock(&self.projects).push(name.to_owned());
        Ok(Some(format!("project-of-{name}")))
    }

    async fn create_build(&self, project: Option<&str>) -> Result<Ticket, BuildError> {
        self.note(project.expect("a project"), |s| s.created += 1);
        let build_id = format!("b{}", self.next());
        Ok(Ticket {
            build_token: Secret::new(format!("token of {build_id}")),
            build_id,
        })
    }

    async fn run(
        &self,
        ticket: &Ticket,
        order: &Order,
        sink: &dyn Sink,
        stop: &CancellationToken,
    ) -> Result<Built, BuildError> {
        let at = order.image.rfind("-d_").expect("a deployment's image") + 1;
        let deployment = order.image[at..].to_owned();
        assert_eq!(
            ticket.build_token.expose(),
            format!("token of {}", ticket.build_id)
        );
        lock(&self.builds).insert(ticket.build_id.clone(), deployment.clone());
        self.note(&deployment, |s| {
            s.runs.push(ticket.build_id.clone());
            s.tokens
                .push(order.git_token.as_ref().map(|t| t.expose().to_owned()));
            s.variables = order
                .env
                .iter()
                .map(|(k, v)| (k.clone(), v.expose().to_owned()))
                .collect();
        });
        sink.emit(Event::Log(LogLine {
            step_id: "sha256:1".to_owned(),
            time: 1,
            message: "hello".to_owned(),
        }));
        let does = lock(&self.scripts)
            .get_mut(&deployment)
            .and_then(VecDeque::pop_front);
        match does.unwrap_or(Does::Builds) {
            Does::Builds => Ok(Built {
                image: order.image.clone(),
                digest: "sha256:2".to_owned(),
            }),
            Does::FailsOfCustomer => Err(BuildError::Customer {
                public: "A command of the Dockerfile failed.".to_owned(),
                text: "exit code 1".to_owned(),
            }),
            Does::IsAway => Err(BuildError::Unavailable {
                operation: Operation::Solve,
                text: "gone".to_owned(),
            }),
            Does::Refuses => Err(BuildError::Refused {
                operation: Operation::Acquire,
                text: "no".to_owned(),
            }),
            Does::TakesForEver => {
                stop.cancelled().await;
                Err(BuildError::Canceled)
            }
        }
    }

    async fn finish(&self, ticket: &Ticket, outcome: &Outcome) -> Result<(), BuildError> {
        let deployment = lock(&self.builds).get(&ticket.build_id).cloned();
        self.note(&deployment.unwrap_or_default(), |s| {
            s.finishes.push(outcome.clone());
        });
        Ok(())
    }
}

/// Lines, with their owner.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<(Owner, Event)>>);

impl BuildLog for Lines {
    fn event(&self, owner: &Owner, event: Event) {
        lock(&self.0).push((owner.clone(), event));
    }
}

impl Lines {
    pub(crate) fn of(&self, deployment: &str) -> Vec<Owner> {
        let lines = lock(&self.0);
        let ours = lines.iter().filter(|(o, _)| o.deployment_id == deployment);
        ours.map(|(o, _)| o.clone()).collect()
    }
}

/// The bound service and what it is over. One for all tests.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) builder: Arc<Scripted>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) proxy: StreamProxy,
    pub(crate) vault: Vault,
    _vault: vault_dev::Server,
    _github: Fake,
}

pub(crate) async fn world() -> &'static World {
    static WORLD: OnceCell<World> = OnceCell::const_new();
    WORLD.get_or_init(make).await
}

async fn make() -> World {
    // a second provider in the process is an error that changes nothing
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let db = testbed::db().await;
    let github = Fake::start(&keys().public).await;
    let settings = github::Settings {
        base_url: github.url(),
        ..github::Settings::new(Some(AppKey::new(APP, &keys().pkcs8).expect("a key")))
    };
    let builder = Arc::new(Scripted::default());
    let lines = Arc::new(Lines::default());
    let options = vault_dev::Options::in_memory(TOKEN).expect("options");
    let vault_server = vault_dev::Server::start(options).await.expect("a Vault");
    let vault = Vault::new(&vault_server.url(), TOKEN).expect("a client");
    let deps = Deps {
        db: db.clone(),
        builder: Some(builder.clone()),
        vault: Some(vault.clone()),
        github: GitHub::new(&settings).expect("a client"),
        log: lines.clone(),
        sealing: SealingKey::derived("secret"),
        settings: Settings {
            repository: "registry.test/apps".to_owned(),
            username: "u".to_owned(),
            password: Secret::new("p"),
            insecure: false,
            platform: Platform::Amd64,
            git_url: "https://github.test".to_owned(),
            project_prefix: "test".to_owned(),
            allow_unauthenticated: false,
        },
        timings: Timings {
            build_timeout: Duration::from_secs(10),
            look_every: Duration::from_millis(50),
            close_after: Duration::from_secs(1),
            sweep_every: Duration::from_millis(200),
            ..Timings::default()
        },
    };
    let open = ServiceOptions::new().ingress_private(false);
    for holder in ["one", "two"] {
        let sweep = build::sweep::run(deps.clone(), holder.to_owned(), CancellationToken::new());
        testbed::runtime().spawn(sweep);
    }
    let service = BuildService(Build::new(deps)).into_service_definition();
    let endpoint = Endpoint::builder().bind(service.options(open)).build();
    World {
        db,
        builder,
        lines,
        proxy: faults::serve_behind(endpoint).await,
        vault,
        _vault: vault_server,
        _github: github,
    }
}

impl World {
    pub(crate) async fn app(&self) -> AppRows {
        Fixture::new(&self.db).create().await.expect("an app")
    }

    /// A deployment that is being built.
    pub(crate) async fn deployment(&self, app: &AppRows) -> String {
        let new = NewDeployment::preview(&app.app_id).status("building");
        intent::create_deployment(&self.db, &new)
            .await
            .expect("a row")
    }

    pub(crate) fn request(deployment: &str) -> Value {
        json!({
            "deploymentId": deployment, "installationId": INSTALLATION.to_string(), "repository": REPOSITORY,
            "commitSha": SHA,
        })
    }

    pub(crate) async fn build(&self, deployment: &str) -> Result<Value, ApiError> {
        let ingress = testbed::ingress().await;
        let body = Self::request(deployment);
        ingress.call(SERVICE, deployment, "Build", &body).await
    }

    pub(crate) async fn set_status(&self, deployment: &str, status: &str) {
        let sql = "UPDATE deployments SET status = ? WHERE id = ?";
        mysql::sql::execute(self.db.primary(), sql, [status.into(), deployment.into()])
            .await
            .expect("written");
    }

    /// Waits until the builder has run so often for a deployment.
    pub(crate) async fn runs(&self, deployment: &str, count: usize) {
        let done = || self.builder.seen(deployment).runs.len() >= count;
        until("a run at the builder", done).await;
    }

    /// Outcomes told of a deployment's build, once there is one.
    pub(crate) async fn finishes(&self, deployment: &str) -> Vec<Outcome> {
        let done = || !self.builder.seen(deployment).finishes.is_empty();
        until("an end at the builder", done).await;
        self.builder.seen(deployment).finishes
    }
}

async fn until(what: &'static str, done: impl Fn() -> bool) {
    testbed::eventually(SOON, || {
        let done = done();
        async move { done.then_some(()).ok_or(what) }
    })
    .await;
}
