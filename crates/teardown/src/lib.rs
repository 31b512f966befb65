//! What the deletes of projects, apps and environments have in common: rounds instead of waiting, rows taken in chunks,
//! the audit entry, and the refusal of what is protected.
//!
//! A delete cannot be done in one go: the edge has to see that a workload is to stop before its row may go, and a
//! parent goes after its children. Nobody waits for that inside an exclusive handler. Each round does what can be done
//! now and leaves a delayed message to the object itself (see [`rounds`]).
//!
//! Not for which rows belong to what: that stays in the service.

pub mod audit;
pub mod chunk;
pub mod protection;
pub mod rounds;
mod timings;

pub use timings::Timings;
