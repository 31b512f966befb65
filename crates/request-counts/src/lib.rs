//! How many requests a deployment got since an instant: what the sweep over idle previews asks
//! before it puts one to sleep.
//!
//! This crate is the question and the refusal. It holds no source of numbers: those live in an
//! analytics store, whose adapter implements [`RequestCounts`]. Where none is configured,
//! [`Unavailable`] refuses, because "no requests" and "nobody counts" must never look alike.

#[cfg(any(test, feature = "fixed"))]
mod fixed;

use std::future::Future;
use std::pin::Pin;

#[cfg(any(test, feature = "fixed"))]
pub use fixed::Fixed;

/// The deployment asked about, with its owners, and the beginning of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountQuery<'a> {
    /// `ws_…`.
    pub workspace_id: &'a str,
    /// `proj_…`.
    pub project_id: &'a str,
    /// `env_…`.
    pub environment_id: &'a str,
    /// `d_…`.
    pub deployment_id: &'a str,
    /// Epoch milliseconds, inclusive.
    pub since_ms: i64,
}

/// Why there is no number.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// No source is configured; asking again does not help until somebody configures one.
    #[error("request counts have no source: set `clickhouse.url`, or stop calling the idle sweep")]
    NotConfigured,
    /// The source did not answer; asking later may help.
    #[error("request counts are unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a call of [`RequestCounts`] gives back.
pub type CountFuture<'a> = Pin<Box<dyn Future<Output = Result<u64, CountError>> + Send + 'a>>;

/// A source of request counts. Object-safe: services hold an `Arc<dyn RequestCounts>`.
pub trait RequestCounts: Send + Sync + 'static {
    /// Requests the deployment received since `since_ms`.
    ///
    /// # Errors
    /// [`CountError`]; a source never answers 0 for what it does not know.
    fn count<'a>(&'a self, query: CountQuery<'a>) -> CountFuture<'a>;

    /// `false` when every call would answer [`CountError::NotConfigured`]: lets a sweep refuse at once.
    fn configured(&self) -> bool {
        true
    }
}

/// The source of an installation without analytics: refuses and says what to configure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unavailable;

impl RequestCounts for Unavailable {
    fn count<'a>(&'a self, _query: CountQuery<'a>) -> CountFuture<'a> {
        Box::pin(std::future::ready(Err(CountError::NotConfigured)))
    }

    fn configured(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{CountError, CountQuery, Fixed, RequestCounts, Unavailable};

    fn query(deployment_id: &str) -> CountQuery<'_> {
        CountQuery {
            workspace_id: "ws_1",
            project_id: "proj_1",
            environment_id: "env_1",
            deployment_id,
            since_ms: 5,
        }
    }

    #[tokio::test]
    async fn without_a_source_the_answer_is_a_refusal_and_never_zero() {
        let counts: Arc<dyn RequestCounts> = Arc::new(Unavailable);
        let error = counts.count(query("d_1")).await.expect_err("nobody counts");
        assert!(matches!(error, CountError::NotConfigured));
        assert!(error.to_string().contains("clickhouse.url"), "{error}");
        assert!(!counts.configured());
    }

    #[tokio::test]
    async fn the_fixed_source_answers_by_deployment() {
        let counts = Fixed::new([("d_1", 7)]);
        assert_eq!(counts.count(query("d_1")).await.expect("known"), 7);
        assert_eq!(
            counts.count(query("d_2")).await.expect("zero by default"),
            0
        );
        counts.fail(true);
        let error = counts.count(query("d_1")).await.expect_err("told to fail");
        assert!(matches!(error, CountError::Unavailable(_)));
    }
}
