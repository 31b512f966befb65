//! Names of the durable steps. They and their order are what an upgrade must keep.

/// Looks whether the workspace has settings, and for how long its logs are kept.
pub(crate) const CHECK_EXISTING: &str = "check existing";

/// Draws a password, seals it and writes the settings of a new user.
pub(crate) const STORE_CREDENTIALS: &str = "store credentials";

/// Writes the limits of a known user.
pub(crate) const UPDATE_LIMITS: &str = "update limits";

/// Opens the password and brings user, policies, profile, quota and grants up to date.
pub(crate) const CONFIGURE_CLICKHOUSE: &str = "configure clickhouse";
