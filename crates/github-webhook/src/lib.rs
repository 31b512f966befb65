//! GitHubWebhookService: which deployments a push, or a fork's pull request, becomes, and what a closed pull request
//! leaves behind.
//!
//! A push becomes one deployment for each app of its repository, however often and in whatever order it is delivered.
//! Not here: the delivery as it arrives (crate `webhook-intake`), deploying, and telling GitHub how it went.

mod approval;
mod changed;
mod close;
mod contexts;
mod handle_push;
mod insert;
mod older;
mod order;
mod place;
mod push;
mod row;
mod steps;
mod watch;

use durable::handle;
use github::{Access, GitHub};
use github_webhook_client::{GitHubWebhookBackend, SERVICE};
use messages::hydra::v1 as msg;
use mysql::Db;
use restate_api::Admin;
use restate_sdk::prelude::*;
use std::time::Duration;

/// Settings of the installation, as the configuration file names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `dashboard_url`: where a commit that waits for its approval links to.
    pub dashboard_url: String,
    /// `github.allow_unauthenticated_deployments`: GitHub is asked as anybody may ask, and told nothing.
    pub allow_unauthenticated: bool,
    /// Every deployment waits for an approval, as a fork's always does.
    pub force_approval: bool,
}

/// Waiting times; production values are the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// How long one question to GitHub is asked again before it is done without.
    pub github: Duration,
    /// How long the end of an older deployment is tried before it is left to run.
    pub supersede: Duration,
    /// From one look at what a closed pull request has left to the next.
    pub look_again: Duration,
    /// Looks at most.
    pub most_looks: i32,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            github: Duration::from_secs(30),
            supersede: Duration::from_secs(10),
            look_again: Duration::from_secs(60),
            most_looks: 30,
        }
    }
}

/// A step that is tried for so long, and then done without.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(pub(crate) Duration);

impl Patience {
    /// The policy for the SDK.
    pub(crate) fn policy(self) -> RunRetryPolicy {
        RunRetryPolicy::new()
            .initial_delay(Duration::from_millis(100))
            .exponentiation_factor(2.0)
            .max_delay(Duration::from_secs(5))
            .max_duration(self.0)
    }
}

/// What the service needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The database.
    pub db: Db,
    /// GitHub; without an App only what anybody may read.
    pub github: GitHub,
    /// Restate's admin API, to end deployments that a newer push makes needless.
    pub admin: Admin,
    /// Installation settings.
    pub settings: Settings,
    /// Waiting times.
    pub timings: Timings,
}

impl Deps {
    /// As whom GitHub is asked.
    pub(crate) fn access(&self, installation: i64) -> Access {
        match self.settings.allow_unauthenticated || !self.github.has_app() {
            true => Access::Public,
            false => Access::Installation(installation),
        }
    }
}

/// The service; bind it with `github_webhook_client::GitHubWebhookService(GitHubWebhook::new(deps))`.
#[derive(Clone, Debug)]
pub struct GitHubWebhook {
    deps: Deps,
}

impl GitHubWebhook {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

impl GitHubWebhookBackend for GitHubWebhook {
    async fn handle_push<'a>(
        &'a self,
        mut ctx: ObjectContext<'a>,
        req: msg::HandlePushRequest,
    ) -> HandlerResult<msg::HandlePushResponse> {
        let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
        let nonce = ctx.rand_uuid().to_string();
        let body = handle_push::handle_push(&self.deps, &ctx, &nonce, req);
        handle(SERVICE, "HandlePush", &invocation, &key, body).await?;
        Ok(msg::HandlePushResponse {})
    }

    async fn close_pull_request<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::ClosePullRequestRequest,
    ) -> HandlerResult<msg::ClosePullRequestResponse> {
        let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
        let body = close::close_pull_request(&self.deps, &ctx, req);
        handle(SERVICE, "ClosePullRequest", &invocation, &key, body).await?;
        Ok(msg::ClosePullRequestResponse {})
    }
}
