//! What can go wrong with a call, and what the caller should do about it. No token and no key is in any of it.

use std::fmt;
use std::time::Duration;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reading our own settings.
    Settings,
    /// Getting a token of an installation.
    Token,
    /// Reading a commit.
    Commit,
    /// Comparing two commits.
    Compare,
    /// Looking for a deployment.
    FindDeployment,
    /// Creating a deployment.
    CreateDeployment,
    /// Reading the statuses of a deployment or a commit.
    FindStatus,
    /// Adding a status to a deployment.
    DeploymentStatus,
    /// Adding a status to a commit.
    CommitStatus,
    /// Looking for a pull request.
    FindPull,
    /// Reading what a pull request changes.
    PullFiles,
    /// Reading comments.
    ReadComments,
    /// Writing a comment.
    WriteComment,
}

impl Operation {
    /// Its name, as in the metric label `operation`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Token => "token",
            Self::Commit => "commit",
            Self::Compare => "compare",
            Self::FindDeployment => "find_deployment",
            Self::CreateDeployment => "create_deployment",
            Self::FindStatus => "find_status",
            Self::DeploymentStatus => "deployment_status",
            Self::CommitStatus => "commit_status",
            Self::FindPull => "find_pull",
            Self::PullFiles => "pull_files",
            Self::ReadComments => "read_comments",
            Self::WriteComment => "write_comment",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label().replace('_', " "))
    }
}

/// What a caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The request is refused and will be again.
    BadRequest,
    /// No such repository, commit or installation, or not for us to see.
    NotFound,
    /// The App may not do this (any more): an operator or the customer must act.
    Unauthorised,
    /// Wait until then, epoch milliseconds; at most an hour ahead.
    RateLimited {
        /// When the next request is welcome.
        until_ms: i64,
    },
    /// Retry with back-off.
    Unavailable,
    /// The worker's own settings do not allow it.
    Settings,
}

impl Class {
    /// The value of the metric label `outcome`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::Unauthorised => "unauthorised",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Settings => "settings",
        }
    }

    /// Whether the same request may succeed later by itself.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable)
    }
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum GitHubError {
    /// The settings do not allow the call.
    #[error("GitHub, {operation}: {why}")]
    Settings {
        /// What was being done.
        operation: Operation,
        /// What to configure.
        why: &'static str,
    },
    /// GitHub answered with an error.
    #[error("GitHub, {operation}: HTTP {status}: {message}")]
    Answered {
        /// What was being done.
        operation: Operation,
        /// The HTTP status.
        status: u16,
        /// GitHub's own words, shortened.
        message: String,
        /// Where it is a rate limit: when to come back, epoch milliseconds.
        until_ms: Option<i64>,
    },
    /// An answer that is not what the API promises, or too long.
    #[error("GitHub, {operation}: the answer {why}")]
    Unreadable {
        /// What was being done.
        operation: Operation,
        /// What is wrong with it.
        why: String,
    },
    /// No answer in time. The call may have had its effect.
    #[error("GitHub, {operation}: no answer within {after:?}")]
    TooLate {
        /// What was being done.
        operation: Operation,
        /// How long was waited.
        after: Duration,
    },
    /// The connection could not be made or broke. The call may have had its effect.
    #[error("GitHub, {operation}: no connection")]
    Connection {
        /// What was being done.
        operation: Operation,
        /// What the network said, without the address.
        #[source]
        source: reqwest::Error,
    },
}

impl GitHubError {
    /// What the caller does about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Settings { .. } => Class::Settings,
            Self::Unreadable { .. } | Self::TooLate { .. } | Self::Connection { .. } => {
                Class::Unavailable
            }
            Self::Answered {
                until_ms: Some(until_ms),
                ..
            } => Class::RateLimited {
                until_ms: *until_ms,
            },
            Self::Answered { status, .. } => match status {
                401 | 403 => Class::Unauthorised,
                404 | 410 | 451 => Class::NotFound,
                408 | 425 => Class::Unavailable,
                300..=499 => Class::BadRequest,
                _ => Class::Unavailable,
            },
        }
    }
}
