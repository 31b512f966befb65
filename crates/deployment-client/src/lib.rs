//! Contract of the service that writes one deployment's desired state:
//! what to implement (`DeploymentBackend`), what to bind (`DeploymentService`) and how to call it (`DeploymentClient` in a
//! handler, `DeploymentIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
