//! Names of the durable steps. They and their order are what an upgrade must keep.

/// Apps connected to the repository.
pub(crate) const LIST: &str = "list deploy contexts";
/// What a push means for one of them.
pub(crate) const LOAD: &str = "load deploy context";
/// Paths that changed, asked of GitHub.
pub(crate) const FILES: &str = "list changed files";
/// The deployment's row with its first step.
pub(crate) const INSERT: &str = "insert deployment";
/// Whether the push or another deployment of the branch is the later one, asked of GitHub.
pub(crate) const ORDER: &str = "compare with newest deployment";
/// An older push's deployment is ended.
pub(crate) const SUPERSEDE: &str = "supersede older deployment";
/// The commit says that it waits for an approval.
pub(crate) const APPROVAL: &str = "create commit status for authorization";
/// Whether the branch has another pull request.
pub(crate) const OTHER_PULL: &str = "find PR for branch";
/// What a pull request has left.
pub(crate) const PREVIEWS: &str = "list previews";
/// A deployment on its way is ended.
pub(crate) const CANCEL: &str = "cancel deployment";
