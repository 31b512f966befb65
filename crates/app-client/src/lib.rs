//! Contract of deleting an app:
//! what to implement (`AppBackend`), what to bind (`AppService`) and how to call it (`AppClient` in a
//! handler, `AppIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
