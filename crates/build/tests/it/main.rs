//! BuildService on real Restate and database servers, with a builder that does as a test says.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod begun;
mod crash;
mod ended;
mod variables;
mod world;
