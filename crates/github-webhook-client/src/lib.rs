//! Contract of what GitHub tells us of pushes and pull requests:
//! what to implement (`GitHubWebhookBackend`), what to bind (`GitHubWebhookService`) and how to call it (`GitHubWebhookClient` in a
//! handler, `GitHubWebhookIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
