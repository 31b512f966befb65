//! GitHubStatusService and GitHubCommentService on real Restate and database servers, with a GitHub that checks tokens.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod comment;
mod crash;
mod ends;
mod statuses;
mod world;
