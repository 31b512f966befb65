//! The services as the worker binds them, and what they are over.
//!
//! Not for the app of a test: see `world`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use build::{BuildLog, Owner, SealingKey};
use build_testbed::DepotFake;
use builder::{Depot, DepotSettings, Event, Limits, Platform, Secret};
use deploy::watch::{WatchDeps, run};
use github::{AppKey, GitHub};
use github_fake::{APP, Fake, keys};
use messages::hydra::v1 as msg;
use mysql::Db;
use restate_api::{Admin, Ingress};
use restate_sdk::prelude::*;
use testbed::{Restate, RestateOptions, Served};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use vault::Vault;

const TOKEN: &str = "vault-token-of-the-tests";

/// Steps and lines as they were told.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<(Owner, Event)>>);

impl BuildLog for Lines {
    fn event(&self, owner: &Owner, event: Event) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((owner.clone(), event));
    }
}

impl Lines {
    /// Those of a deployment.
    pub(crate) fn of(&self, deployment: &str) -> Vec<Event> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = all.iter().filter(|(o, _)| o.deployment_id == deployment);
        ours.map(|(_, e)| e.clone()).collect()
    }
}

struct Openapi;

impl openapi_client::OpenapiBackend for Openapi {
    async fn scrape_spec<'a>(
        &'a self,
        _: Context<'a>,
        _: msg::ScrapeSpecRequest,
    ) -> HandlerResult<msg::ScrapeSpecResponse> {
        Ok(msg::ScrapeSpecResponse {})
    }
}

/// What differs between worlds.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) allow_unauthenticated: bool,
    pub(crate) vault: bool,
    pub(crate) slots: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            allow_unauthenticated: false,
            vault: true,
            slots: 4,
        }
    }
}

/// Bound services, their clients and their peers.
pub(crate) struct Bound {
    pub(crate) db: Db,
    pub(crate) ingress: Ingress,
    pub(crate) admin: Admin,
    pub(crate) github: Fake,
    pub(crate) depot: DepotFake,
    pub(crate) vault: Vault,
    pub(crate) lines: Arc<Lines>,
    _vault: vault_dev::Server,
    _restate: Option<Restate>,
    _served: Option<Served>,
    watcher: CancellationToken,
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.watcher.cancel();
    }
}

/// The services most tests share.
pub(crate) async fn bound() -> &'static Bound {
    static BOUND: OnceCell<Bound> = OnceCell::const_new();
    BOUND
        .get_or_init(|| async { Bound::start(Shape::default(), None).await })
        .await
}

impl Bound {
    /// With a Restate server of its own.
    pub(crate) async fn alone(shape: Shape) -> &'static Bound {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        Box::leak(Box::new(Self::start(shape, Some(restate)).await))
    }

    async fn start(shape: Shape, restate: Option<Restate>) -> Self {
        // a second provider in the process is an error that changes nothing
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let db = testbed::db().await;
        let (ingress, admin) = match &restate {
            Some(restate) => (restate.ingress(), restate.admin()),
            None => (testbed::ingress().await, testbed::admin().await),
        };
        let fake = Fake::start(&keys().public).await;
        let settings = github::Settings {
            base_url: fake.url(),
            ..github::Settings::new(Some(AppKey::new(APP, &keys().pkcs8).expect("a key")))
        };
        let github = GitHub::new(&settings).expect("a client");
        let depot = DepotFake::instant().await.expect("a Depot");
        let options = vault_dev::Options::in_memory(TOKEN).expect("options");
        let vault_server = vault_dev::Server::start(options).await.expect("a Vault");
        let vault = Vault::new(&vault_server.url(), TOKEN).expect("a client");
        let lines = Arc::<Lines>::default();

        let deploy = deploy::Deps {
            db: db.clone(),
            settings: deploy::Settings {
                default_domain: "unkey.test".into(),
                dashboard_url: "https://app.unkey.test".into(),
                sentinel_image: "ghcr.io/unkeyed/unkey:test".into(),
                allow_unauthenticated: shape.allow_unauthenticated,
            },
            timings: deploy::Timings {
                standby_delay: Duration::from_secs(3),
                reconcile_interval: Duration::from_millis(500),
                watch_min: Duration::from_millis(20),
                ..deploy::Timings::default()
            },
            github: github.clone(),
            neighbours: deploy::Neighbours {
                github_status: true,
                openapi: true,
                builds: true,
            },
            counts: Arc::new(request_counts::Unavailable),
            bell: Arc::default(),
        };
        let watcher = CancellationToken::new();
        let build = build::Deps {
            db: db.clone(),
            builder: Some(Arc::new(builder_over(&depot))),
            vault: shape.vault.then(|| vault.clone()),
            github: github.clone(),
            log: lines.clone(),
            sealing: SealingKey::derived(depot.token()),
            settings: build::Settings {
                repository: "127.0.0.1:5000/apps".into(),
                username: "x-token".into(),
                password: Secret::new(depot.token()),
                insecure: false,
                platform: Platform::Amd64,
                git_url: "https://github.com".into(),
                project_prefix: "builds-test".into(),
                allow_unauthenticated: shape.allow_unauthenticated,
            },
            timings: build::Timings {
                look_every: Duration::from_millis(50),
                close_after: Duration::from_secs(1),
                sweep_every: Duration::from_millis(500),
                ..build::Timings::default()
            },
        };
        let slots = build_slot::Deps {
            admin: admin.clone(),
            limit: shape.slots,
            timings: build_slot::Timings::default(),
        };
        let webhooks = github_webhook::Deps {
            db: db.clone(),
            github: github.clone(),
            admin: admin.clone(),
            settings: github_webhook::Settings {
                dashboard_url: "https://app.unkey.test".into(),
                allow_unauthenticated: shape.allow_unauthenticated,
                force_approval: false,
            },
            timings: github_webhook::Timings::default(),
        };
        let statuses = github_status::Deps {
            db: db.clone(),
            github: Some(github),
            app_id: APP,
            timings: github_status::Timings::default(),
        };
        let sweep = build::sweep::run(build.clone(), "test".into(), watcher.clone());
        testbed::runtime().spawn(sweep);
        let watch = WatchDeps {
            deploy: deploy.clone(),
            ingress: ingress.clone(),
            admin: admin.clone(),
            holder: "test".into(),
        };
        testbed::runtime().spawn(run(watch, watcher.clone()));

        let endpoint = Endpoint::builder()
            .bind(deploy_client::DeployService(deploy::Deploy::new(deploy)))
            .bind(deployment_client::DeploymentService(
                deployment::Deployment::new(db.clone()),
            ))
            .bind(routing_client::RoutingService(routing::Routing::new(
                db.clone(),
            )))
            .bind(build_client::BuildService(build::Build::new(build)))
            .bind(build_slot_client::BuildSlotService(
                build_slot::BuildSlot::new(slots),
            ))
            .bind(github_status_client::GitHubStatusService(
                github_status::GitHubStatus::new(statuses.clone()),
            ))
            .bind(github_comment_client::GitHubCommentService(
                github_status::GitHubComment::new(statuses),
            ))
            .bind(github_webhook_client::GitHubWebhookService(
                github_webhook::GitHubWebhook::new(webhooks),
            ))
            .bind(openapi_client::OpenapiService(Openapi))
            .build();
        let served = match &restate {
            Some(restate) => Some(testbed::serve_on(restate, endpoint).await),
            None => {
                testbed::serve(endpoint).await;
                None
            }
        };
        Self {
            db,
            ingress,
            admin,
            github: fake,
            depot,
            vault,
            lines,
            _vault: vault_server,
            _restate: restate,
            _served: served,
            watcher,
        }
    }
}

fn builder_over(depot: &DepotFake) -> Depot {
    let settings = DepotSettings {
        api_url: depot.api_url(),
        build_url: depot.api_url(),
        token: Secret::new(depot.token()),
        region: "us-east-1".into(),
        limits: Limits {
            poll: Duration::from_millis(20),
            health_pause: Duration::from_millis(200),
            ..Limits::default()
        },
    };
    Depot::new(&settings).expect("a builder")
}
