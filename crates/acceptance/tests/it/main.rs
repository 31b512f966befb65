//! Scenarios that need more than one service.

// Deeply nested futures of the services under test.
#![recursion_limit = "512"]

mod deploy;
mod hosts;
mod placement;
mod readiness;
mod traffic;
mod world;
