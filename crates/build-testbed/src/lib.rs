//! The peers of a build for tests, demo and bench: a BuildKit, a registry, a Git server, a Depot.
//!
//! A dev-dependency, and its own program `build-stack`.
