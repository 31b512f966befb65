//! Contract of the single writer of routes and of an app's live deployment:
//! what to implement (`RoutingBackend`), what to bind (`RoutingService`) and how to call it (`RoutingClient` in a
//! handler, `RoutingIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
