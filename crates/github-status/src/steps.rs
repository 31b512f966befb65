//! Names of the durable steps. They and their order are what an upgrade must keep.

/// Finds or makes the deployment at GitHub.
pub(crate) const DEPLOYMENT: &str = "github deployment";
/// Writes its number into our row.
pub(crate) const PERSIST: &str = "persist github deployment id";
/// Looks for the pull request of the branch.
pub(crate) const PULL: &str = "find PR for branch";
/// Adds a status to the deployment at GitHub.
pub(crate) const STATUS: &str = "github deployment status";
/// Reads how our deployment ended.
pub(crate) const LOOK: &str = "look at deployment";
/// Writes the comment anew.
pub(crate) const COMMENT: &str = "write comment";
