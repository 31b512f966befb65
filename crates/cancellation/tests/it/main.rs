//! Deployments that are ended while something works on them, on real Restate and database servers.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod ended;
mod left;
mod world;
