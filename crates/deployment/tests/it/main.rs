//! DeploymentService on a real Restate server and a real database. Time is scaled: what takes half an hour in
//! production takes a second here, and one test asserts the unscaled arithmetic.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod crash;
mod guard;
mod journal;
mod quota;
mod refused;
mod rows;
mod schedule;
mod takeover;
mod world;
