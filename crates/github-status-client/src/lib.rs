//! Contract of the service that shows progress on GitHub:
//! what to implement (`GitHubStatusBackend`), what to bind (`GitHubStatusService`) and how to call it (`GitHubStatusClient` in a
//! handler, `GitHubStatusIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
