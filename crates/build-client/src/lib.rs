//! Contract of builds: the image of one deployment, once:
//! what to implement (`BuildBackend`), what to bind (`BuildService`) and how to call it (`BuildClient` in a
//! handler, `BuildIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
