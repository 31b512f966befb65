//! key-last-used.
