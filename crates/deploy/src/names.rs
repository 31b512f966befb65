//! Names of the durable steps. They and their order are the upgrade contract: changing one strands work that
//! is in flight on the previous version.

pub(crate) const CLAIM: &str = "claim";
pub(crate) const RESOLVE_IMAGE: &str = "resolve image";
pub(crate) const FIND_COMMIT: &str = "find commit";
pub(crate) const STORE_COMMIT: &str = "store commit";
pub(crate) const STORE_IMAGE: &str = "store image";
pub(crate) const PROVISION: &str = "provision";
pub(crate) const AWAIT_INSTANCES: &str = "await instances";
pub(crate) const CHECK_INSTANCES: &str = "check instances";
pub(crate) const BEGIN_FINALIZING: &str = "begin finalizing";
pub(crate) const UNDO_TOPOLOGY: &str = "undo: stop topology";
pub(crate) const UNDO_STATUS: &str = "undo: mark failed";

pub(crate) const LOAD_TARGET: &str = "load target";
pub(crate) const AWAIT_WAKE: &str = "await wake";
pub(crate) const CHECK_WAKE: &str = "check wake";
pub(crate) const END_WAKE: &str = "end wake";
pub(crate) const FORGET_WAIT: &str = "undo: forget wait";

pub(crate) const FIND_WAITERS: &str = "find waiters";
pub(crate) const FIND_IDLE: &str = "find idle previews";
