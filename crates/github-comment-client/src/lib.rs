//! Contract of the comment on a pull request:
//! what to implement (`GitHubCommentBackend`), what to bind (`GitHubCommentService`) and how to call it
//! (`GitHubCommentClient` in a handler).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
