//! The adapter against a real ACME server (Pebble), and against scripted peers for what Pebble never says.
#![recursion_limit = "256"]
#![allow(
    clippy::disallowed_methods,
    reason = "tests are not replayed; they wait and read clocks"
)]

mod accounts;
mod contract;
mod flow;
mod issue;
mod limits;
mod peer;
mod renewal;
mod table;
