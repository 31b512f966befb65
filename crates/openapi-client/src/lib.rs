//! Contract of the service that reads a deployment's OpenAPI document:
//! what to implement (`OpenapiBackend`), what to bind (`OpenapiService`) and how to call it (`OpenapiClient` in a
//! handler, `OpenapiIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
