//! request-counts.
