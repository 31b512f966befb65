//! Names of the durable steps. They and their order are what an upgrade must keep.

/// `RetryVerification`: the row as it was when it was new.
pub(crate) const RESET: &str = "reset verification";
/// Reads the row and asks the DNS; writes nothing.
pub(crate) const LOOK: &str = "look";
/// Weighs what was seen under the locks of all rows of the host name, and takes it from whoever held it.
pub(crate) const DECIDE: &str = "decide";
/// Makes the routed domain `verified`, or says why it is not.
pub(crate) const MARK_VERIFIED: &str = "mark verified";
/// Ends a window that ran out.
pub(crate) const MARK_FAILED: &str = "mark failed";
/// Ends a domain whose name cannot be used.
pub(crate) const REFUSE: &str = "refuse name";
/// Writes the id of the next check to the row.
pub(crate) const NOTE_CHECK: &str = "note check";
