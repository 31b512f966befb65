//! What a workspace used in a month: the question this service asks, and its two sources: the analytics store, and none.

use analytics::{Analytics, Class};
use std::error::Error;
use std::future::Future;
use std::pin::Pin;

/// One page of a month's usage, in the order of workspace ids (byte by byte).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageQuery<'a> {
    /// Like 2026.
    pub year: i32,
    /// 1 to 12.
    pub month: i32,
    /// Only workspaces that used at least so much.
    pub minimum: i64,
    /// Only workspaces whose id comes behind this one; empty for the first page.
    pub after: &'a str,
    /// Workspaces of the page at most. A page with fewer is the last.
    pub limit: usize,
}

/// Billable requests of a workspace: verifications and rate limit checks together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceUsage {
    /// `ws_…`.
    pub workspace_id: String,
    /// Requests.
    pub total: i64,
}

/// Why there are no numbers.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// No source is configured.
    #[error("usage has no source")]
    NotConfigured,
    /// The source refuses the question for good.
    #[error("usage is refused: {0}")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The source did not answer; asking later may help.
    #[error("usage is unavailable: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// What a call of [`BillableUsage`] gives back.
pub type UsageFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<WorkspaceUsage>, UsageError>> + Send + 'a>>;

/// A source of usage. Object-safe: the service holds an `Arc<dyn BillableUsage>`.
pub trait BillableUsage: Send + Sync + 'static {
    /// The page.
    ///
    /// # Errors
    /// [`UsageError`]; a source never leaves out what it does not know.
    fn page<'a>(&'a self, query: UsageQuery<'a>) -> UsageFuture<'a>;
}

/// The source of an installation without analytics: refuses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unconfigured;

impl BillableUsage for Unconfigured {
    fn page<'a>(&'a self, _: UsageQuery<'a>) -> UsageFuture<'a> {
        Box::pin(std::future::ready(Err(UsageError::NotConfigured)))
    }
}

impl BillableUsage for Analytics {
    fn page<'a>(&'a self, query: UsageQuery<'a>) -> UsageFuture<'a> {
        Box::pin(async move {
            let all = self.usage(query.year, query.month, query.minimum).await;
            let all = all.map_err(|error| match error.class() {
                Class::BadRequest => UsageError::Refused(error.into()),
                Class::NotFound | Class::Unauthorised | Class::RateLimited | Class::Unavailable => {
                    UsageError::Unavailable(error.into())
                }
            })?;
            let behind = all
                .into_iter()
                .filter(|row| row.workspace_id.as_str() > query.after);
            let page = behind.take(query.limit).map(|row| WorkspaceUsage {
                workspace_id: row.workspace_id,
                total: row.total,
            });
            Ok(page.collect())
        })
    }
}
