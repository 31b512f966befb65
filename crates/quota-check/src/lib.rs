//! `hydra.v1.QuotaCheckService`: tells in Slack, once and then weekly, which workspaces used up their monthly quota.
//!
//! It informs and blocks nothing: no row is written, neither in MySQL nor in ClickHouse. What was told is kept in the
//! object's state, one object a month. Not for counting usage: a [`BillableUsage`] answers that.

mod decide;
mod heartbeat;
mod message;
mod page;
mod period;
mod run_check;
mod state;
mod steps;
mod tell;
mod usage;
mod workspaces;

use messages::hydra::v1::{RunCheckRequest, RunCheckResponse};
use mysql::Db;
use notify::{Heartbeat, Slack};
use quota_check_client::QuotaCheckBackend;
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use std::fmt;
use std::sync::Arc;

pub use usage::{BillableUsage, Unconfigured, UsageError, UsageFuture, UsageQuery, WorkspaceUsage};

/// Workspaces of one page of usage: one entry of the journal.
const PAGE: usize = 20_000;

/// The service. The key of an object is a month.
#[derive(Clone)]
pub struct QuotaCheck {
    db: Db,
    usage: Arc<dyn BillableUsage>,
    slack: Option<Slack>,
    heartbeat: Heartbeat,
    page: usize,
}

impl QuotaCheck {
    /// Compares this usage with the quotas of this database. Without a webhook nobody is told, and nobody counts as told.
    pub fn new(
        db: Db,
        usage: Arc<dyn BillableUsage>,
        slack: Option<Slack>,
        heartbeat: Heartbeat,
    ) -> Self {
        Self {
            db,
            usage,
            slack,
            heartbeat,
            page: PAGE,
        }
    }

    /// With another number of workspaces a page.
    #[must_use]
    pub fn with_page(mut self, page: usize) -> Self {
        self.page = page.max(1);
        self
    }
}

impl fmt::Debug for QuotaCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaCheck")
            .field("slack", &self.slack.is_some())
            .field("heartbeat", &self.heartbeat)
            .finish_non_exhaustive()
    }
}

impl QuotaCheckBackend for QuotaCheck {
    async fn run_check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: RunCheckRequest,
    ) -> HandlerResult<RunCheckResponse> {
        run_check::handler(self, ctx).await
    }
}
