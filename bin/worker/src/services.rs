//! The one place that says which services there are, and with which of the named policies of `options`.
//!
//! A new service is one more `.bind(…)` in [`endpoint`]. Not for what a service does (see its crate), and not for the
//! privacy of single handlers, which is part of their contract.

use std::sync::Arc;

use analytics::Analytics;
use app::App;
use app_client::AppService;
use build::Build;
use build_client::BuildService;
use build_slot::BuildSlot;
use build_slot_client::BuildSlotService;
use certificate::Certificate;
use certificate_client::CertificateService;
use clickhouse_user::{Access, ClickhouseUser};
use clickhouse_user_client::ClickhouseUserService;
use config::Config;
use cron::Cron;
use cron_client::CronService;
use custom_domain::CustomDomain;
use custom_domain_client::CustomDomainService;
use deploy::Deploy;
use deploy_client::DeployService;
use deployment::Deployment;
use deployment_client::DeploymentService;
use environment::Environment;
use environment_client::EnvironmentService;
use github_comment_client::GitHubCommentService;
use github_status::{GitHubComment, GitHubStatus};
use github_status_client::GitHubStatusService;
use github_webhook::GitHubWebhook;
use github_webhook_client::GitHubWebhookService;
use key_last_used::{KeyLastUsedPartition, KeyLastUsedSync};
use key_last_used_partition_client::KeyLastUsedPartitionService;
use key_last_used_sync_client::KeyLastUsedSyncService;
use key_refill::KeyRefill;
use key_refill_client::KeyRefillService;
use mysql::{Db, Options};
use notify::{Heartbeat, Slack};
use openapi::{Openapi, Scraper, Way};
use openapi_client::OpenapiService;
use project::Project;
use project_client::ProjectService;
use quota_check::QuotaCheck;
use quota_check_client::QuotaCheckService;
use request_counts::{RequestCounts, Unavailable};
use restate_api::{Admin, Ingress};
use restate_sdk::endpoint::Endpoint;
use restate_sdk::prelude::IntoServiceDefinition;
use routing::Routing;
use routing_client::RoutingService;
use scheduler::Scheduler;
use scheduler_client::SchedulerService;
use versioning::Versioning;
use versioning_client::VersioningService;

use crate::options::{
    building, certificates, checks, long_job, periodic, private, scrape, short, telling, users,
    waiting,
};
use crate::timings;
use crate::{builds, clickhouse};
use causes::chain;

/// What services and background tasks are built from.
pub struct Deps {
    /// The database; its pools may not have reached a server yet.
    pub db: Db,
    /// Restate's ingress, for awakeables.
    pub ingress: Ingress,
    /// Restate's admin API.
    pub admin: Admin,
    /// What DeployService and its watcher share.
    pub deploy: deploy::Deps,
    /// What BuildService and its sweep share.
    pub build: build::Deps,
    /// Where steps and lines of builds go; to be closed when nothing builds any more.
    pub build_log: build_log::BuildLog,
    /// How many builds of a workspace run at a time.
    pub slots: build_slot::Deps,
    /// What GitHub is told with.
    pub statuses: github_status::Deps,
    /// What pushes become deployments with.
    pub webhooks: github_webhook::Deps,
    /// What SchedulerService and its keeper share.
    pub scheduler: scheduler::Deps,
    /// What CustomDomainService and its sweep share.
    pub domains: custom_domain::Deps,
    /// What CertificateService and the bootstrap of platform names share.
    pub certificates: certificate::Deps,
    /// The analytics store; none when it is not configured.
    pub analytics: Option<Analytics>,
    /// What ClickhouseUserService works through; none when it is not configured.
    pub clickhouse_users: Option<Access>,
    /// Called after a complete sync of when keys were last used.
    pub last_used_heartbeat: Heartbeat,
    /// Called after a complete refill of keys.
    pub refill_heartbeat: Heartbeat,
    /// Called after a quota check that told everybody.
    pub quota_heartbeat: Heartbeat,
    /// Where the quota check tells; none when it is not configured.
    pub quota_webhook: Option<Slack>,
    /// What OpenapiService fetches with.
    pub openapi: openapi::Deps,
    /// The configuration.
    pub config: Config,
}

impl Deps {
    /// Builds the clients; none of them connects yet. (AWS's standard chain of credentials may look around.)
    ///
    /// # Errors
    /// An address or a file that cannot be used, or a waiting time of `[test_timings]` that no service has.
    pub async fn new(config: Config, db: Db) -> Result<Self, String> {
        let ingress = Ingress::new(&config.restate.ingress_url, key(&config))
            .map_err(|e| format!("restate.ingress_url: {}", chain(&e)))?;
        let admin = admin(&config)?;
        let analytics = clickhouse::analytics(&config)?;
        let clickhouse_users = clickhouse::access(&config)?;
        let last_used_heartbeat = Heartbeat::new(config.heartbeat.key_last_used_sync_url.expose())
            .map_err(|e| format!("heartbeat.key_last_used_sync_url: {}", chain(&e)))?;
        let refill_heartbeat = Heartbeat::new(config.heartbeat.key_refill_url.expose())
            .map_err(|e| format!("heartbeat.key_refill_url: {}", chain(&e)))?;
        let quota_heartbeat = Heartbeat::new(config.heartbeat.quota_check_url.expose())
            .map_err(|e| format!("heartbeat.quota_check_url: {}", chain(&e)))?;
        let webhook = &config.slack.quota_check_webhook_url;
        let quota_webhook = match webhook.is_empty() {
            true => None,
            false => Some(
                Slack::new(webhook.expose())
                    .map_err(|e| format!("slack.quota_check_webhook_url: {}", chain(&e)))?,
            ),
        };
        let counts: Arc<dyn RequestCounts> = match &analytics {
            Some(analytics) => Arc::new(analytics.clone()),
            None => Arc::new(Unavailable),
        };
        let github = builds::github(&config)?;
        let build_log = builds::log(analytics.as_ref());
        let build = builds::build(&config, &db, &github, &build_log)?;
        let deploy = deploy::Deps {
            db: db.clone(),
            settings: deploy::Settings {
                default_domain: config.default_domain.clone(),
                dashboard_url: config.dashboard_url.clone(),
                sentinel_image: config.sentinel_image.clone(),
                allow_unauthenticated: builds::allow_unauthenticated(&config),
            },
            timings: timings::deploy(&config)?,
            github: github.clone(),
            neighbours: deploy::Neighbours {
                github_status: builds::has_app(&config),
                openapi: true,
                builds: build.builder.is_some(),
            },
            counts,
            bell: Arc::default(),
        };
        let scheduler = scheduler::Deps {
            db: db.clone(),
            timings: timings::scheduler(&config),
        };
        let domains = custom_domain::Deps {
            db: db.clone(),
            resolver: resolver(&config)?,
            settings: custom_domain::Settings {
                own_domains: vec![
                    config.default_domain.clone(),
                    config.regional_domain.clone(),
                    config.cname_domain.clone(),
                ],
                caa_issuers: config.dns.caa_issuers.clone(),
            },
            timings: timings::domains(&config)?,
        };
        let certificates = crate::certificates::deps(&config, &db).await?;
        let openapi = timings::openapi(&config);
        let openapi = openapi::Deps {
            db: db.clone(),
            scraper: Scraper::new(Way::public(), &openapi).map_err(|e| chain(&e))?,
            timings: openapi,
        };
        Ok(Self {
            openapi,
            slots: builds::slots(&config, &admin),
            statuses: builds::statuses(&config, &db, &github),
            webhooks: builds::webhooks(&config, &db, &github, &admin),
            build,
            build_log,
            db,
            ingress,
            admin,
            analytics,
            certificates,
            clickhouse_users,
            last_used_heartbeat,
            refill_heartbeat,
            quota_heartbeat,
            quota_webhook,
            deploy,
            domains,
            scheduler,
            config,
        })
    }

    /// With the default configuration, for reading the manifest. Nothing is ever reached.
    ///
    /// # Errors
    /// The default configuration is broken.
    pub async fn nowhere() -> Result<Self, String> {
        let mut config =
            Config::parse(config::DEFAULT_TEXT, false, &|_| None).map_err(|e| e.to_string())?;
        // A build machine may have no DNS servers; this one is for documentation.
        config.dns.servers = vec!["192.0.2.1".to_owned()];
        let options = Options::new(config.database.primary.expose()).lazy();
        let db = Db::connect(&options).await.map_err(|e| chain(&e))?;
        Self::new(config, db).await
    }
}

/// A client of the configured admin API.
///
/// # Errors
/// An address that cannot be used.
pub fn admin(config: &Config) -> Result<Admin, String> {
    Admin::new(&config.restate.admin_url, key(config))
        .map_err(|e| format!("restate.admin_url: {}", chain(&e)))
}

/// Asks the configured DNS servers, or the system's.
///
/// # Errors
/// An address that cannot be used, or a system without servers.
pub fn resolver(config: &Config) -> Result<dns::Resolver, String> {
    dns::Resolver::new(&dns::Settings {
        servers: config.dns.servers.clone(),
        quorum: config.dns.quorum,
        deadline: config.dns.timeout,
    })
    .map_err(|e| format!("dns.servers: {}", chain(&e)))
}

fn key(config: &Config) -> Option<&str> {
    Some(config.restate.api_key.expose()).filter(|k| !k.is_empty())
}

/// Binds every service. With identity keys, only requests signed by one of them are served.
///
/// # Errors
/// An identity key that cannot be read.
pub fn endpoint(deps: &Deps, identity_keys: &[String]) -> Result<Endpoint, String> {
    let db = || deps.db.clone();
    let teardown = timings::teardown(&deps.config);
    let mut builder = Endpoint::builder()
        .bind(
            DeployService(Deploy::new(deps.deploy.clone()))
                .into_service_definition()
                .options(waiting()),
        )
        .bind(
            BuildService(Build::new(deps.build.clone()))
                .into_service_definition()
                .options(private(building(deps.build.timings.build_timeout))),
        )
        .bind(
            BuildSlotService(BuildSlot::new(deps.slots.clone()))
                .into_service_definition()
                .options(private(short())),
        )
        .bind(
            GitHubStatusService(GitHubStatus::new(deps.statuses.clone()))
                .into_service_definition()
                .options(private(telling())),
        )
        .bind(
            GitHubWebhookService(GitHubWebhook::new(deps.webhooks.clone()))
                .into_service_definition()
                .options(checks()),
        )
        .bind(
            GitHubCommentService(GitHubComment::new(deps.statuses.clone()))
                .into_service_definition()
                .options(private(telling())),
        )
        .bind(
            DeploymentService(Deployment::new(db()))
                .into_service_definition()
                .options(private(short())),
        )
        .bind(
            RoutingService(Routing::new(db()))
                .into_service_definition()
                .options(private(short())),
        )
        .bind(
            SchedulerService(Scheduler::new(deps.scheduler.clone()))
                .into_service_definition()
                .options(periodic()),
        )
        .bind(
            CronService(Cron)
                .into_service_definition()
                .options(periodic()),
        )
        .bind(
            CustomDomainService(CustomDomain::new(deps.domains.clone()))
                .into_service_definition()
                .options(checks()),
        )
        .bind(
            CertificateService(Certificate::new(deps.certificates.clone()))
                .into_service_definition()
                .options(certificates()),
        )
        .bind(
            ClickhouseUserService(ClickhouseUser::new(db(), deps.clickhouse_users.clone()))
                .into_service_definition()
                .options(users()),
        )
        .bind(
            KeyLastUsedSyncService(KeyLastUsedSync::new(
                deps.analytics.is_some(),
                deps.last_used_heartbeat.clone(),
                key_last_used::Settings::default(),
            ))
            .into_service_definition()
            .options(periodic()),
        )
        .bind(
            KeyLastUsedPartitionService(KeyLastUsedPartition::new(
                db(),
                deps.analytics.clone(),
                key_last_used::Settings::default(),
            ))
            .into_service_definition()
            .options(periodic()),
        )
        .bind(
            KeyRefillService(KeyRefill::new(db(), deps.refill_heartbeat.clone()))
                .into_service_definition()
                .options(long_job()),
        )
        .bind(
            QuotaCheckService(QuotaCheck::new(
                db(),
                clickhouse::usage(deps.analytics.as_ref()),
                deps.quota_webhook.clone(),
                deps.quota_heartbeat.clone(),
            ))
            .into_service_definition()
            .options(long_job()),
        )
        .bind(
            OpenapiService(Openapi::new(deps.openapi.clone()))
                .into_service_definition()
                .options(private(scrape())),
        )
        .bind(
            ProjectService(Project::new(project::Deps {
                db: db(),
                timings: teardown,
            }))
            .into_service_definition()
            .options(short()),
        )
        .bind(
            AppService(App::new(app::Deps {
                db: db(),
                timings: teardown,
            }))
            .into_service_definition()
            .options(short()),
        )
        .bind(
            EnvironmentService(Environment::new(environment::Deps {
                db: db(),
                admin: deps.admin.clone(),
                timings: teardown,
            }))
            .into_service_definition()
            .options(short()),
        )
        .bind(
            VersioningService(Versioning::new(db()))
                .into_service_definition()
                .options(private(short())),
        );
    for key in identity_keys {
        builder = builder
            .identity_key(key)
            .map_err(|e| format!("restate.identity_keys: {}", chain(&e)))?;
    }
    Ok(builder.build())
}
