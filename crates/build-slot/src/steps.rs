//! Names of the durable steps. They and their order are what an upgrade must keep.

/// Asks Restate which of the invocations in the queue still exist.
pub(crate) const LOOK: &str = "look up invocations";
