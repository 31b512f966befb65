//! Contract of deleting an environment:
//! what to implement (`EnvironmentBackend`), what to bind (`EnvironmentService`) and how to call it (`EnvironmentClient` in a
//! handler, `EnvironmentIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
