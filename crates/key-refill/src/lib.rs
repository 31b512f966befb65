//! key-refill.
