//! The last-used sync on a real Restate server, a real database and a real ClickHouse engine.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod journal;
mod late;
mod lost;
mod pages;
mod refused;
mod sync;
mod takeover;
mod world;
