//! Contract of the last-used sync:
//! what to implement (`KeyLastUsedSyncBackend`), what to bind (`KeyLastUsedSyncService`) and how to call it (`KeyLastUsedSyncClient` in a
//! handler, `KeyLastUsedSyncIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
