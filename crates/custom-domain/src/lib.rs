//! custom-domain.
