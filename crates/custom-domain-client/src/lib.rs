//! Contract of proving who owns a custom domain:
//! what to implement (`CustomDomainBackend`), what to bind (`CustomDomainService`) and how to call it (`CustomDomainClient` in a
//! handler, `CustomDomainIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
