//! quota-check.
