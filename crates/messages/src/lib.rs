//! The messages of every wire this worker speaks, generated from `proto/`, and their JSON codec: each message
//! is a Restate payload as it is, without a wrapper.
//!
//! Not here: who may call what (the `*-client` crates), and rows of the database.

mod codec;
pub mod contract;
mod generated;

pub use codec::{ALL, Codec, Json, MAX_BYTES, MAX_DEPTH, Undecodable, set_strict};
#[doc(hidden)]
pub use generated::conformance;
pub use generated::{ctrl, hydra, vault};
