//! vault-dev.
