//! QuotaCheckService on a real Restate server, a real database and a webhook that speaks HTTP.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod again;
mod crash;
mod engine;
mod journal;
mod slack;
mod told;
mod world;
