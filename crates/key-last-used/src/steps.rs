//! Names of the durable steps. They and their order are what an upgrade must keep.

/// Reads one page of keys and writes it.
pub(crate) const BATCH: &str = "batch";

/// Tells the monitor that a run has truly succeeded.
pub(crate) const HEARTBEAT: &str = "send heartbeat";
