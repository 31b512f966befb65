//! Names of the durable steps, in the order of a round. They and their order are what an upgrade must keep.
//!
//! Those that take rows in chunks are repeated until nothing is left.

/// Whose environment it is, and what protects it.
pub(crate) const FIND: &str = "find environment";
/// Its host names, and the live pointer.
pub(crate) const ROUTES: &str = "delete frontline routes";
/// Variables, regional, build and runtime settings.
pub(crate) const SETTINGS: &str = "delete settings";
/// Invocations that still deploy or wake something of it.
pub(crate) const CANCEL: &str = "cancel invocations";
/// The deployments those were working on, and those nobody has begun.
pub(crate) const END: &str = "end deployments";
/// Workloads: stopped, with new versions for the edge.
pub(crate) const STOP: &str = "stop topologies";
/// Sentinels: archived, with new versions for the edge.
pub(crate) const ARCHIVE: &str = "archive sentinels";
/// Custom domains with their challenges and certificates.
pub(crate) const DOMAINS: &str = "delete custom domains";
/// Deployments that the edge has let go of, with all rows that name them.
pub(crate) const DEPLOYMENTS: &str = "delete deployments";
/// Sentinels and the environment itself.
pub(crate) const ENVIRONMENT: &str = "delete environment";
