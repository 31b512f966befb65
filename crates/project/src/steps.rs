//! Names of the durable steps, in the order of a round. They and their order are what an upgrade must keep.

/// Whose project it is, and what protects it.
pub(crate) const FIND: &str = "find project";
/// The apps that are left.
pub(crate) const CHILDREN: &str = "list apps";
/// The project itself.
pub(crate) const PROJECT: &str = "delete project";
