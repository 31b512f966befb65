//! Names of the durable steps. They and their order are what an upgrade must keep.
//!
//! `ScheduleDesiredStateChange` has one more, the journaled clock of `durable`.

/// The one transaction of a transition.
pub(crate) const APPLY: &str = "apply";
