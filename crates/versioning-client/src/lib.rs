//! Contract of the counter edge agents follow:
//! what to implement (`VersioningBackend`), what to bind (`VersioningService`) and how to call it (`VersioningClient` in a
//! handler, `VersioningIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
