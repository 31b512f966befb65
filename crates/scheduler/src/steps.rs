//! Names of the durable steps. They and their order are what an upgrade must keep.

/// Reads what the table remembers of a job whose object knows nothing.
pub(crate) const REMEMBER: &str = "remember";

/// Writes the job's row.
pub(crate) const ROW: &str = "row";
