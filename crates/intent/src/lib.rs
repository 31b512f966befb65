//! intent.
