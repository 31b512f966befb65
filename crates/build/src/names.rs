//! Names of the durable steps. They and their order are the upgrade contract.

/// Reads whose build it is and what was begun already.
pub(crate) const LOAD: &str = "load deployment";
/// Begins a build at the builder, or finds the one begun before.
pub(crate) const BEGIN: &str = "begin build";
/// Runs it to its end.
pub(crate) const RUN: &str = "build";
/// Tells the builder how it ended.
pub(crate) const FINISH: &str = "finish build";
/// Looks up the project at the builder in our row.
pub(crate) const FIND_PROJECT: &str = "find project";
/// Makes the project at the builder.
pub(crate) const CREATE_PROJECT: &str = "create project";
/// Writes its id to our row.
pub(crate) const STORE_PROJECT: &str = "store project";
