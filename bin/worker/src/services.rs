//! The one place that says which services there are, and with which retry, retention, privacy and timeouts.
//!
//! A new service is one more `.bind(…)` in [`endpoint`]. Not for what a service does (see its crate), and not for the
//! privacy of single handlers, which is part of their contract.

use std::sync::Arc;
use std::time::Duration;

use config::Config;
use custom_domain::CustomDomain;
use custom_domain_client::CustomDomainService;
use deploy::Deploy;
use deploy_client::DeployService;
use deployment::Deployment;
use deployment_client::DeploymentService;
use mysql::{Db, Options};
use request_counts::Unavailable;
use restate_api::{Admin, Ingress};
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::prelude::IntoServiceDefinition;
use routing::Routing;
use routing_client::RoutingService;
use versioning::Versioning;
use versioning_client::VersioningService;

use crate::connect::chain;
use crate::timings;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

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
    /// What CustomDomainService and its sweep share.
    pub domains: custom_domain::Deps,
    /// The configuration.
    pub config: Config,
}

impl Deps {
    /// Builds the clients; none of them connects yet.
    ///
    /// # Errors
    /// An address that cannot be used, or a waiting time of `[test_timings]` that no service has.
    pub fn new(config: Config, db: Db) -> Result<Self, String> {
        let ingress = Ingress::new(&config.restate.ingress_url, key(&config))
            .map_err(|e| format!("restate.ingress_url: {}", chain(&e)))?;
        let admin = admin(&config)?;
        let deploy = deploy::Deps {
            db: db.clone(),
            settings: deploy::Settings {
                default_domain: config.default_domain.clone(),
                dashboard_url: config.dashboard_url.clone(),
                sentinel_image: config.sentinel_image.clone(),
            },
            timings: timings::deploy(&config)?,
            // A message to a service that is not bound below would wait for ever.
            neighbours: deploy::Neighbours {
                github_status: false,
                openapi: false,
            },
            counts: Arc::new(Unavailable),
            bell: Arc::default(),
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
        Ok(Self {
            db,
            ingress,
            admin,
            deploy,
            domains,
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
        Self::new(config, db)
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
    let mut builder = Endpoint::builder()
        .bind(
            DeployService(Deploy::new(deps.deploy.clone()))
                .into_service_definition()
                .options(waiting()),
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
            CustomDomainService(CustomDomain::new(deps.domains.clone()))
                .into_service_definition()
                .options(checks()),
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

/// Only other handlers may call it.
fn private(options: ServiceOptions) -> ServiceOptions {
    options.ingress_private(true)
}

/// Shared handlers that wait for minutes. They are suspended after two seconds of waiting, so that a waiting one costs
/// nothing; two minutes are above their longest single step.
fn waiting() -> ServiceOptions {
    retry(ServiceOptions::new())
        .inactivity_timeout(2 * SECOND)
        .abort_timeout(2 * MINUTE)
        .journal_retention(24 * HOUR)
}

/// Exclusive handlers of one short transaction that never wait. Their callers wait for them, so they are tried quickly
/// and for about an hour; then they pause, because whoever waits must see the transaction happen or be ended by hand.
fn short() -> ServiceOptions {
    retry(ServiceOptions::new())
        .inactivity_timeout(30 * SECOND)
        .abort_timeout(2 * MINUTE)
        .journal_retention(HOUR)
}

/// Exclusive handlers that ask the DNS for a minute at most and are sent one by one for a day. One that fails for an
/// hour is ended: it would hold up the next verification of its domain, and the sweep begins a new one.
fn checks() -> ServiceOptions {
    short().retry_policy_kill_on_max_attempts()
}

/// 500 ms, doubled up to a minute, 70 attempts (about an hour), then paused for a person to look at.
fn retry(options: ServiceOptions) -> ServiceOptions {
    options
        .retry_policy_initial_interval(SECOND / 2)
        .retry_policy_exponentiation_factor(2.0)
        .retry_policy_max_interval(MINUTE)
        .retry_policy_max_attempts(70)
        .retry_policy_pause_on_max_attempts()
}
