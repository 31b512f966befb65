//! restate-api.
