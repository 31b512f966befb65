//! Names of the durable steps, in their order. They and their order are what an upgrade must keep.

/// Deployment, path and host.
pub(crate) const FIND: &str = "find target";
/// A document that is served no longer.
pub(crate) const CLEAR: &str = "delete openapi spec";
/// Fetches and stores. One step, because the document is too large for the journal; repeated it fetches again.
pub(crate) const SCRAPE: &str = "scrape openapi spec";
