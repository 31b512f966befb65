//! deployment.
