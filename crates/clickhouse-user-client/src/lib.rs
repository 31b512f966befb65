//! Contract of the analytics user of a workspace:
//! what to implement (`ClickhouseUserBackend`), what to bind (`ClickhouseUserService`) and how to call it (`ClickhouseUserClient` in a
//! handler, `ClickhouseUserIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
