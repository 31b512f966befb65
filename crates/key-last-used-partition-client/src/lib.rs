//! Contract of one partition of the last-used sync:
//! what to implement (`KeyLastUsedPartitionBackend`), what to bind (`KeyLastUsedPartitionService`) and how to call it (`KeyLastUsedPartitionClient` in a
//! handler, `KeyLastUsedPartitionIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
