//! BuildService: the image of one deployment from its Git source, once.
//!
//! Beginning a build at the builder, running it and ending it are steps of their own. What the builder gave at the beginning is
//! kept in `ctrl_worker_builds`, so that a worker which comes after a crash attaches to the same build; how it is to end
//! is decided there once, so that the builder is never told two ends.
//!
//! Not here: how a builder is spoken to (crate `builder`), who may build when (crate `build-slot`), what becomes of the image.

mod build;
mod finish;
mod names;
mod project;
mod run;
mod seal;
mod subject;
pub mod sweep;
mod ticket;
mod variables;

pub use seal::SealingKey;

use build_client::{BuildBackend, SERVICE};
use builder::{Builder, Event, Platform, Secret};
use durable::handle;
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// Settings of the installation, as the configuration file names them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `registry.repository`: images are pushed there, `host[:port]/path`.
    pub repository: String,
    /// `registry.username`.
    pub username: String,
    /// `registry.password`.
    pub password: Secret,
    /// `registry.insecure`.
    pub insecure: bool,
    /// `build_platform`.
    pub platform: Platform,
    /// `github.git_url`: where repositories are fetched from.
    pub git_url: String,
    /// `depot.project_prefix`.
    pub project_prefix: String,
    /// `github.allow_unauthenticated_deployments`: everything is fetched without a token.
    pub allow_unauthenticated: bool,
}

/// Waiting times; production values are the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// From the beginning of a build at the builder until it is ended as too long, whatever happened in between.
    pub build_timeout: Duration,
    /// Pause between two looks whether the deployment still wants its image.
    pub look_every: Duration,
    /// How long a build that was told to stop may take for it.
    pub stop_grace: Duration,
    /// How long after its time, or after its deployment has ended, a build that nobody ended is closed.
    pub close_after: Duration,
    /// Pause between two looks for such builds.
    pub sweep_every: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            build_timeout: Duration::from_secs(30 * 60),
            look_every: Duration::from_secs(1),
            stop_grace: Duration::from_secs(20),
            close_after: Duration::from_secs(2 * 60),
            sweep_every: Duration::from_secs(30),
        }
    }
}

/// Whose build it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// `workspaces.id`.
    pub workspace_id: String,
    /// `projects.id`.
    pub project_id: String,
    /// `deployments.id`.
    pub deployment_id: String,
}

/// Where steps and log lines of builds go. Never blocks.
pub trait BuildLog: Send + Sync {
    /// Takes one step or line.
    fn event(&self, owner: &Owner, event: Event);
}

/// What the service needs.
#[derive(Clone)]
pub struct Deps {
    /// The database.
    pub db: mysql::Db,
    /// Who builds; none: every request is refused.
    pub builder: Option<Arc<dyn Builder>>,
    /// Opens environment variables; none: deployments that have any cannot be built.
    pub vault: Option<vault::Vault>,
    /// Gives the tokens repositories are fetched with.
    pub github: github::GitHub,
    /// Where steps and lines go.
    pub log: Arc<dyn BuildLog>,
    /// Seals the builder's tokens in the database.
    pub sealing: SealingKey,
    /// Installation settings.
    pub settings: Settings,
    /// Waiting times.
    pub timings: Timings,
}

/// The service; bind it with `build_client::BuildService(Build::new(deps))`.
pub struct Build {
    deps: Deps,
}

impl Build {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

impl BuildBackend for Build {
    async fn build<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::BuildRequest,
    ) -> HandlerResult<msg::BuildResponse> {
        handle(
            SERVICE,
            "Build",
            ctx.invocation_id(),
            ctx.key(),
            build::build(&self.deps, &ctx, req),
        )
        .await
    }

    async fn resolve_project<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _req: msg::ResolveBuildProjectRequest,
    ) -> HandlerResult<msg::ResolveBuildProjectResponse> {
        handle(
            SERVICE,
            "ResolveProject",
            ctx.invocation_id(),
            ctx.key(),
            project::resolve(&self.deps, &ctx),
        )
        .await
    }

    async fn close<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::CloseBuildRequest,
    ) -> HandlerResult<msg::CloseBuildResponse> {
        handle(
            SERVICE,
            "Close",
            ctx.invocation_id(),
            ctx.key(),
            finish::close(&self.deps, &ctx, req),
        )
        .await
    }
}
