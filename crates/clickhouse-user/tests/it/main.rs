//! ClickhouseUserService on a real Restate server, a real database, a real Vault protocol and a real ClickHouse engine,
//! which is then asked as the users that were made.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod configure;
mod enforced;
mod fail_closed;
mod journal;
mod lost;
mod outages;
mod refused;
mod tap;
mod world;
