//! Contract of the later contract's name for the scheduled jobs:
//! what to implement (`CronBackend`), what to bind (`CronService`) and how to call it (`CronClient` in a
//! handler, `CronIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
