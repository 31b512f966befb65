//! Servers that builds are tested with, on loopback: the BuildKit inside a real dockerd, a real registry that demands a
//! login, a Git server that demands tokens, and a Depot of a test's own in front of that BuildKit.
//!
//! ```text
//! let Some(peers) = build_testbed::peers().await else { return };
//! let sha = peers.git().create_repo("acme/shop", &[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]).await;
//! // a builder of the test at `peers.buildkit_address()` pushes to `peers.registry().repository`
//! let manifest = peers.manifest(&image).await;
//! ```
//!
//! dockerd runs as root, without a network of its own: a `RUN` in a Dockerfile says `--network=none`.
//!
//! Not for production: logins are public. Not a stand-in for BuildKit, the registry or Git: those are real.

mod bridge;
mod daemon;
mod depot;
mod git;
mod git_http;
mod instant;
mod peers;
mod programs;
mod registry;

pub use bridge::SocketBridge;
pub use daemon::Daemon;
pub use depot::{BuildSeen, DEPOT_TOKEN, DepotFake, Finish, Project, Trouble};
pub use git::GitServer;
pub use git_http::{Access, GitRequest};
pub use instant::{Ending, InstantBuildKit, Progress, Script, Solve};
pub use peers::{BuildPeers, peers};
pub use programs::{ALLOW_NONE, busybox};
pub use registry::{PASSWORD, Registry, USER};
