//! What can go wrong with a build, and what the caller should do about it. No secret is in any of it.

use std::fmt;

use crate::source::BadSource;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Looking for a project.
    FindProject,
    /// Making a project.
    CreateProject,
    /// Opening a build.
    CreateBuild,
    /// Getting a machine.
    Acquire,
    /// Telling that the build is still wanted.
    Health,
    /// Connecting to the machine and waiting for it.
    Connect,
    /// Fetching the source.
    Fetch,
    /// Building.
    Solve,
    /// Pushing the image.
    Push,
    /// Closing a build.
    Finish,
}

impl Operation {
    /// Its name, as in the metric label `operation`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::FindProject => "find_project",
            Self::CreateProject => "create_project",
            Self::CreateBuild => "create_build",
            Self::Acquire => "acquire",
            Self::Health => "health",
            Self::Connect => "connect",
            Self::Fetch => "fetch",
            Self::Solve => "solve",
            Self::Push => "push",
            Self::Finish => "finish",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label().replace('_', " "))
    }
}

/// A build, or a call about one, that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// For a reason in the customer's code or settings. The same order fails again.
    #[error("{text}")]
    Customer {
        /// What the customer is told: what to look at, and the first line of the reason. At most 400 bytes.
        public: String,
        /// All of the reason, up to 8 KiB.
        text: String,
    },
    /// The order cannot be built; what to change, fit for the customer.
    #[error("{0}")]
    Order(String),
    /// It was stopped.
    #[error("the build was stopped")]
    Canceled,
    /// Depot wants to be asked later.
    #[error("the builder limits our requests")]
    RateLimited {
        /// When the next is welcome, epoch milliseconds, where it said so; at most an hour ahead.
        until_ms: Option<i64>,
    },
    /// Something between us and an image is not there now. The same order may succeed later.
    #[error("builder, {operation}: {text}")]
    Unavailable {
        /// What was being done.
        operation: Operation,
        /// What happened.
        text: String,
    },
    /// The builder, or the registry, refuses for good: an operator must act.
    #[error("builder, {operation}: refused: {text}")]
    Refused {
        /// What was being done.
        operation: Operation,
        /// In its words.
        text: String,
    },
}

impl BuildError {
    /// Whether the same call may succeed later by itself.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. })
    }

    /// The value of the metric label `outcome`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Customer { .. } => "customer",
            Self::Order(_) => "bad_request",
            Self::Canceled => "canceled",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Refused { .. } => "refused",
        }
    }

    pub(crate) fn unavailable(operation: Operation, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Unavailable { operation, text }
    }

    pub(crate) fn refused(operation: Operation, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Refused { operation, text }
    }
}

impl From<BadSource> for BuildError {
    fn from(bad: BadSource) -> Self {
        Self::Order(bad.to_string())
    }
}

/// Settings of a builder that cannot be worked with; which and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSettings(pub(crate) String);
