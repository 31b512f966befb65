//! Contract of the slots in which builds run:
//! what to implement (`BuildSlotBackend`), what to bind (`BuildSlotService`) and how to call it (`BuildSlotClient` in a
//! handler).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
