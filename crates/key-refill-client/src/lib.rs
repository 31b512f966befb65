//! Contract of the daily refill of keys:
//! what to implement (`KeyRefillBackend`), what to bind (`KeyRefillService`) and how to call it (`KeyRefillClient` in a
//! handler, `KeyRefillIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
