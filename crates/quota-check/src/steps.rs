//! Names of the durable steps. They and their order are what an upgrade must keep.

/// The time of the run, and whether anybody can be told.
pub(crate) const BEGIN: &str = "begin";
/// One page of usage.
pub(crate) const USAGE: &str = "get billable usage above threshold";
/// The workspaces and quotas of up to a thousand ids.
pub(crate) const FETCH: &str = "fetch workspaces";
/// One message.
pub(crate) const NOTIFY: &str = "notify";
/// Tells the monitor that everybody was told.
pub(crate) const HEARTBEAT: &str = "send heartbeat";
