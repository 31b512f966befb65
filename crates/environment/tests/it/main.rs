//! EnvironmentService alone, on a real Restate server and a real database. Waiting times are scaled.
#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "tests are not replayed")]

mod begun;
mod crash;
mod edge;
mod gone;
mod refused;
mod seed;
mod world;
