//! Contract of the quota check:
//! what to implement (`QuotaCheckBackend`), what to bind (`QuotaCheckService`) and how to call it (`QuotaCheckClient` in a
//! handler, `QuotaCheckIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
