//! Why a run could not be made. Not for what the worker did wrong, which is in the report.

use std::path::PathBuf;

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A server did not start.
    #[error(transparent)]
    Start(#[from] testbed::StartError),
    /// Rows of the world could not be written.
    #[error("the rows of the world were not written: {0}")]
    Intent(#[from] intent::IntentError),
    /// The database could not be reached at the start.
    #[error("the database: {0}")]
    Database(#[from] mysql::DbError),
    /// An observer's query failed.
    #[error("an observer's query: {0}")]
    Query(#[from] sqlx::Error),
    /// Restate refused or could not be reached.
    #[error("Restate: {0}")]
    Restate(#[from] restate_api::ApiError),
    /// A file, a port or a process.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The worker did not come to listen.
    #[error("the worker did not listen; its log is {}", .0.display())]
    Worker(PathBuf),
    /// The worker ended although nobody killed it.
    #[error("the worker ended by itself")]
    WorkerEnded,
    /// Something was asked outside a snapshot.
    #[error("no snapshot is open")]
    NoSnapshot,
    /// A task of ours panicked.
    #[error("the task of {0} ended early")]
    Task(&'static str),
}
