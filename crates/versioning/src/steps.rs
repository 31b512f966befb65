//! Names of the durable steps. They and their order are what an upgrade must keep.

/// Draws a number from the counter.
pub(crate) const DRAW: &str = "draw";

/// Reads the counter.
pub(crate) const READ: &str = "read";
