//! KeyRefillService on a real Restate server and a real database.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod audit;
mod crash;
mod dates;
mod journal;
mod selection;
mod takeover;
mod together;
mod world;
