//! Builds images: a project, a build, a machine that runs it, and its end. Two backends, Depot and a BuildKit of the
//! operator's own, behind one trait; both are spoken to by the same client of BuildKit's gRPC.
//!
//! The token that a source is fetched with is served to a session that fetches and does nothing else, and that is closed
//! before anything the customer wrote runs: module `solve`. No secret is in an error, a log line or a `Debug` text.
//!
//! Not here: what is built for which deployment, repeating what failed, and anything of Restate or the database.

mod address;
mod buildkit;
mod depot;
mod env;
mod error;
mod image;
mod limits;
mod machine;
mod measure;
mod order;
mod progress;
mod reason;
mod secret;
mod session;
mod solve;
mod source;
mod verdict;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

pub use buildkit::{BuildKit, BuildKitSettings, Tls};
pub use depot::{Depot, DepotSettings};
pub use env::env_file;
pub use error::{BadSettings, BuildError, Operation};
pub use limits::Limits;
pub use order::{Built, Event, LogLine, Order, Outcome, Platform, Registry, Sink, Step, Ticket};
pub use reason::public_reason;
pub use secret::Secret;
pub use source::{BadSource, Source};

/// Where images are built.
#[async_trait]
pub trait Builder: Send + Sync {
    /// `depot` or `buildkit`: what logs and rows call it.
    fn kind(&self) -> &'static str;

    /// Finds or makes a place for the builds of one project, with a cache of its own, and answers its id. A BuildKit has
    /// none. Two calls at the same time may make two.
    ///
    /// # Errors
    /// The builder refuses, or is not there now.
    async fn create_project(&self, name: &str) -> Result<Option<String>, BuildError>;

    /// Opens a build in a project. At Depot it is open until [`Builder::finish`].
    ///
    /// # Errors
    /// The builder refuses, or is not there now.
    async fn create_build(&self, project: Option<&str>) -> Result<Ticket, BuildError>;

    /// Gets the build's machine, waits for it, builds and pushes. Called again with the same ticket it attaches to the
    /// same build, and what was built before comes from the machine's cache. Never closes the build.
    ///
    /// Ends soon after `stop` is cancelled, with [`BuildError::Canceled`]; the work at the machine is cancelled with it.
    /// How long a whole build may take is up to the caller, by `stop`.
    ///
    /// # Errors
    /// See [`BuildError`].
    async fn run(
        &self,
        ticket: &Ticket,
        order: &Order,
        sink: &dyn Sink,
        stop: &CancellationToken,
    ) -> Result<Built, BuildError>;

    /// Closes a build. Closing one that is closed, or unknown to the builder, is a success.
    ///
    /// # Errors
    /// The builder refuses, or is not there now.
    async fn finish(&self, ticket: &Ticket, outcome: &Outcome) -> Result<(), BuildError>;
}
