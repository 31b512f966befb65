//! Names of the durable steps. They and their order are what an upgrade must keep.
//!
//! `ScheduleDesiredStateChange` has one more, the journaled clock of `durable`, unless the deployment is to run now.

/// The one transaction of a transition.
pub(crate) const APPLY: &str = "apply";
