//! Contract of deleting a project:
//! what to implement (`ProjectBackend`), what to bind (`ProjectService`) and how to call it (`ProjectClient` in a
//! handler, `ProjectIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
