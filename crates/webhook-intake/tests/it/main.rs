//! Deliveries as GitHub sends them: signed, read, and left with a real Restate server.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod forks;
mod pushes;
mod refused;
mod sent;
mod signed;
mod volume;
