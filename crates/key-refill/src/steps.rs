//! Names of the durable steps. They and their order are what an upgrade must keep.

/// Looks how many rows there are and divides them into ranges.
pub(crate) const PLAN: &str = "plan";
/// One transaction: a chunk of keys and their audit rows.
pub(crate) const REFILL: &str = "refill";
/// Forgets what was kept for repeated steps.
pub(crate) const FINISH: &str = "finish";
/// Tells the monitor that all keys were walked.
pub(crate) const HEARTBEAT: &str = "send heartbeat";
