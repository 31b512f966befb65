//! Builds from Git, from the configuration: the App, the builder, whose turn it is. None of it connects yet.
//!
//! Not for what is built or told: see the services.

use std::sync::Arc;

use analytics::Analytics;
use build::SealingKey;
use build_log::{BuildLog, LogRow, StepRow};
use builder::{
    BuildKit, BuildKitSettings, Builder, Depot, DepotSettings, Event, Limits, Platform, Secret, Tls,
};
use config::Config;
use github::{AppKey, GitHub};
use mysql::Db;
use restate_api::Admin;
use vault::Vault;

use crate::timings;
use causes::chain;

/// GitHub as the configured App sees it; without an App, as anybody does.
///
/// # Errors
/// A setting that cannot be used, by its key.
pub fn github(config: &Config) -> Result<GitHub, String> {
    let section = config.github.as_ref();
    let app = match section.filter(|g| g.enabled()) {
        None => None,
        Some(section) => Some(
            AppKey::new(section.app_id, section.private_key_pem.expose())
                .map_err(|e| format!("github.private_key_pem: {}", chain(&e)))?,
        ),
    };
    let mut settings = github::Settings::new(app);
    if let Some(section) = section {
        settings.base_url.clone_from(&section.api_url);
    }
    GitHub::new(&settings).map_err(|e| format!("github.api_url: {}", chain(&e)))
}

/// Whether GitHub is told anything.
pub fn has_app(config: &Config) -> bool {
    config.github.as_ref().is_some_and(config::Github::enabled)
}

/// Development only: everybody's repositories are deployed without credentials.
pub fn allow_unauthenticated(config: &Config) -> bool {
    let section = config.github.as_ref();
    section.is_some_and(|g| g.allow_unauthenticated_deployments)
}

/// Every push waits for approval.
pub fn force_approval(config: &Config) -> bool {
    let environment = std::env::var("FORCE_DEPLOYMENT_APPROVAL");
    config.deploy.force_approval || environment.is_ok_and(|v| v == "true")
}

/// The Vault of `vault.url`, if any.
///
/// # Errors
/// An address that cannot be used.
pub fn vault(config: &Config) -> Result<Option<Vault>, String> {
    if config.vault.url.is_empty() {
        return Ok(None);
    }
    Vault::new(&config.vault.url, config.vault.token.expose())
        .map(Some)
        .map_err(|e| format!("vault: {}", chain(&e)))
}

/// The configured builder, if any.
///
/// # Errors
/// A setting or a file that cannot be used, by its key.
pub fn builder(config: &Config) -> Result<Option<Arc<dyn Builder>>, String> {
    let own = &config.buildkit;
    if !own.address.is_empty() {
        let settings = BuildKitSettings {
            address: own.address.clone(),
            tls: tls(config)?,
            limits: Limits::default(),
        };
        let builder = BuildKit::new(&settings).map_err(|e| format!("buildkit: {}", chain(&e)))?;
        return Ok(Some(Arc::new(builder)));
    }
    if config.registry.password.is_empty() || config.depot.api_url.is_empty() {
        return Ok(None);
    }
    let build_url = match config.depot.build_url.as_str() {
        "" => std::env::var("DEPOT_API_URL").unwrap_or_default(),
        url => url.to_owned(),
    };
    let settings = DepotSettings {
        api_url: config.depot.api_url.clone(),
        build_url,
        token: Secret::new(config.registry.password.expose()),
        region: config.depot.project_region.clone(),
        limits: Limits::default(),
    };
    let builder = Depot::new(&settings).map_err(|e| format!("depot: {}", chain(&e)))?;
    Ok(Some(Arc::new(builder)))
}

fn tls(config: &Config) -> Result<Option<Tls>, String> {
    let own = &config.buildkit;
    if own.ca_file.is_empty() {
        return Ok(None);
    }
    let read = |key: &str, path: &str| {
        std::fs::read_to_string(path).map_err(|e| format!("buildkit.{key}: {path}: {e}"))
    };
    let ours = !own.cert_file.is_empty();
    Ok(Some(Tls {
        ca_pem: read("ca_file", &own.ca_file)?,
        cert_pem: match ours {
            true => Some(read("cert_file", &own.cert_file)?),
            false => None,
        },
        key_pem: match ours {
            true => Some(Secret::new(read("key_file", &own.key_file)?)),
            false => None,
        },
        server_name: own.server_name.clone(),
    }))
}

fn platform(config: &Config) -> Result<Platform, String> {
    Platform::parse(&config.build_platform).ok_or_else(|| {
        format!(
            "build_platform: {} is none that images are built for; linux/amd64 and linux/arm64 are",
            config.build_platform
        )
    })
}

/// What BuildService needs.
///
/// # Errors
/// A setting that cannot be used, by its key.
pub fn build(
    config: &Config,
    db: &Db,
    github: &GitHub,
    log: &BuildLog,
) -> Result<build::Deps, String> {
    let section = config.github.as_ref();
    Ok(build::Deps {
        db: db.clone(),
        builder: builder(config)?,
        vault: vault(config)?,
        github: github.clone(),
        log: Arc::new(Lines(log.clone())),
        sealing: SealingKey::derived(config.registry.password.expose()),
        settings: build::Settings {
            repository: config.registry.repository.clone(),
            username: config.registry.username.clone(),
            password: Secret::new(config.registry.password.expose()),
            insecure: config.registry.insecure,
            platform: platform(config)?,
            git_url: section
                .map_or("https://github.com", |g| &g.git_url)
                .to_owned(),
            project_prefix: config.depot.project_prefix.clone(),
            allow_unauthenticated: allow_unauthenticated(config),
        },
        timings: timings::build(config),
    })
}

/// What GitHubStatusService and GitHubCommentService need.
pub fn statuses(config: &Config, db: &Db, github: &GitHub) -> github_status::Deps {
    github_status::Deps {
        db: db.clone(),
        github: has_app(config).then(|| github.clone()),
        app_id: config.github.as_ref().map_or(0, |g| g.app_id),
        timings: timings::statuses(config),
    }
}

/// What GitHubWebhookService needs.
pub fn webhooks(config: &Config, db: &Db, github: &GitHub, admin: &Admin) -> github_webhook::Deps {
    github_webhook::Deps {
        db: db.clone(),
        github: github.clone(),
        admin: admin.clone(),
        settings: github_webhook::Settings {
            dashboard_url: config.dashboard_url.clone(),
            allow_unauthenticated: allow_unauthenticated(config),
            force_approval: force_approval(config),
        },
        timings: github_webhook::Timings::default(),
    }
}

/// What BuildSlotService needs.
pub fn slots(config: &Config, admin: &Admin) -> build_slot::Deps {
    build_slot::Deps {
        admin: admin.clone(),
        limit: config.deploy.builds_per_workspace,
        timings: timings::slots(config),
    }
}

/// Where steps and lines of builds go: to ClickHouse, where there is one.
pub fn log(analytics: Option<&Analytics>) -> BuildLog {
    match analytics {
        Some(analytics) => BuildLog::start(analytics.clone(), build_log::Limits::default()),
        None => BuildLog::nowhere(),
    }
}

/// Events of a builder as rows.
struct Lines(BuildLog);

impl build::BuildLog for Lines {
    fn event(&self, owner: &build::Owner, event: Event) {
        let owner = owner.clone();
        match event {
            Event::Step(step) => self.0.step(StepRow {
                step_id: step.id,
                started_at: step.started_at,
                completed_at: step.completed_at,
                workspace_id: owner.workspace_id,
                project_id: owner.project_id,
                deployment_id: owner.deployment_id,
                name: step.name,
                cached: step.cached,
                error: step.error,
                has_logs: step.has_logs,
            }),
            Event::Log(line) => self.0.line(LogRow {
                time: line.time,
                workspace_id: owner.workspace_id,
                project_id: owner.project_id,
                deployment_id: owner.deployment_id,
                step_id: line.step_id,
                message: line.message,
            }),
        }
    }
}
