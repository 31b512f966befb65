//! Contract of the service that brings deployments up and moves production between them:
//! what to implement (`DeployBackend`), what to bind (`DeployService`) and how to call it (`DeployClient` in a
//! handler, `DeployIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
