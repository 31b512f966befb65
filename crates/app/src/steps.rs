//! Names of the durable steps, in the order of a round. They and their order are what an upgrade must keep.

/// Whose app it is, and what protects it.
pub(crate) const FIND: &str = "find app";
/// So that no push deploys anything any more.
pub(crate) const CONNECTIONS: &str = "delete github repo connections";
/// The environments that are left.
pub(crate) const CHILDREN: &str = "list environments";
/// The app itself.
pub(crate) const APP: &str = "delete app";
