//! Why a server could not be started, in words that say what to do.
//!
//! Not for failures of tests: those panic.

use std::path::PathBuf;

use crate::guard::tail;

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program is not installed.
    #[error("{what} not found (looked for {}); run `cargo xtask setup`", .looked.display())]
    Missing {
        /// Its name.
        what: &'static str,
        /// Where it was last looked for.
        looked: PathBuf,
    },
    /// The program could not be run.
    #[error("{} could not be started", .program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Files could not be prepared.
    #[error("{what}")]
    Files {
        /// What was tried.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It ended before it could serve.
    #[error("ended before it could serve; the end of {}:\n{}", .0.display(), tail(.0))]
    Died(PathBuf),
    /// It runs, but did not become usable in time.
    #[error("not usable in time ({last}); the end of {}:\n{}", .log.display(), tail(.log))]
    NotReady {
        /// The server's log.
        log: PathBuf,
        /// The last thing that failed.
        last: String,
    },
}
