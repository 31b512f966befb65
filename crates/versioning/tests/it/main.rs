//! VersioningService on a real Restate server and a real database.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod caller;
mod crash;
mod journal;
mod numbers;
mod order;
mod takeover;
mod world;
