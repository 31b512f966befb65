//! What GitHub shows of a deployment: its statuses (GitHubStatusService, an object per deployment) and the comment on its
//! pull request (GitHubCommentService, an object per pull request).
//!
//! Neither fails its caller: what GitHub does not take is told of in the log, and every deployment's last status is a final
//! one, also when nobody reports it. Not for webhooks, and not for what a deployment is.

mod comment;
mod init;
mod report;
mod settle;
mod state;
mod steps;
mod table;
mod told;

use std::time::Duration;

use durable::handle;
use github::GitHub;
use github_comment_client::GitHubCommentBackend;
use github_status_client::GitHubStatusBackend;
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;

/// Waiting times; production values are the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// How long one call of GitHub, or one look at the row, is tried again before it is done without.
    pub patience: Duration,
    /// From one look at a deployment whose end is not told yet to the next.
    pub settle_after: Duration,
    /// Looks at most; then it is given up.
    pub most_looks: u32,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(30),
            settle_after: Duration::from_secs(20 * 60),
            // three days
            most_looks: 216,
        }
    }
}

impl Timings {
    /// How steps are tried.
    pub(crate) fn policy(self) -> RunRetryPolicy {
        RunRetryPolicy::new()
            .initial_delay(Duration::from_millis(250))
            .exponentiation_factor(2.0)
            .max_delay(Duration::from_secs(5))
            .max_duration(self.patience)
    }
}

/// What both services need.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The database, for a deployment's row.
    pub db: mysql::Db,
    /// The App; none: nothing is told to GitHub.
    pub github: Option<GitHub>,
    /// The App's number, by which its own comments are known.
    pub app_id: i64,
    /// Waiting times.
    pub timings: Timings,
}

/// GitHubStatusService; bind it with `github_status_client::GitHubStatusService(GitHubStatus::new(deps))`.
#[derive(Clone, Debug)]
pub struct GitHubStatus {
    deps: Deps,
}

/// GitHubCommentService; bind it with `github_comment_client::GitHubCommentService(GitHubComment::new(deps))`.
#[derive(Clone, Debug)]
pub struct GitHubComment {
    deps: Deps,
}

impl GitHubStatus {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

impl GitHubComment {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

impl GitHubStatusBackend for GitHubStatus {
    async fn init<'a>(
        &'a self,
        mut ctx: ObjectContext<'a>,
        req: msg::GitHubStatusInitRequest,
    ) -> HandlerResult<msg::GitHubStatusInitResponse> {
        let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
        let nonce = ctx.rand_uuid().to_string();
        let body = init::init(&self.deps, &ctx, nonce, req);
        handle(
            github_status_client::SERVICE,
            "Init",
            &invocation,
            &key,
            body,
        )
        .await?;
        Ok(msg::GitHubStatusInitResponse {})
    }

    async fn report_status<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::GitHubStatusReportRequest,
    ) -> HandlerResult<msg::GitHubStatusReportResponse> {
        let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
        let body = report::report(&self.deps, &ctx, req);
        handle(
            github_status_client::SERVICE,
            "ReportStatus",
            &invocation,
            &key,
            body,
        )
        .await?;
        Ok(msg::GitHubStatusReportResponse {})
    }

    async fn settle<'a>(
        &'a self,
        mut ctx: ObjectContext<'a>,
        req: msg::GitHubStatusSettleRequest,
    ) -> HandlerResult<msg::GitHubStatusSettleResponse> {
        let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
        let nonce = ctx.rand_uuid().to_string();
        let body = settle::settle(&self.deps, &ctx, nonce, req);
        handle(
            github_status_client::SERVICE,
            "Settle",
            &invocation,
            &key,
            body,
        )
        .await?;
        Ok(msg::GitHubStatusSettleResponse {})
    }
}

impl GitHubCommentBackend for GitHubComment {
    async fn set_row<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::SetCommentRowRequest,
    ) -> HandlerResult<msg::SetCommentRowResponse> {
        let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
        let body = comment::set_row(&self.deps, &ctx, req);
        handle(
            github_comment_client::SERVICE,
            "SetRow",
            &invocation,
            &key,
            body,
        )
        .await?;
        Ok(msg::SetCommentRowResponse {})
    }
}
