//! RoutingService on a real Restate server and a real database.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod assign;
mod crash;
mod finish;
mod journal;
mod lost_tables;
mod observer;
mod refused;
mod swap;
mod upsert;
mod withdraw;
mod world;
