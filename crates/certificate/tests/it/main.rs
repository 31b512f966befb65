//! CertificateService on real servers: Restate, MariaDB, Pebble, moto's Route53, DNS, HTTP-01, the development Vault.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]
#![allow(clippy::disallowed_types, reason = "a test is not replayed")]

mod account;
mod edge;
mod ends;
mod first;
mod gate;
mod grid;
mod held;
mod journal;
mod limits;
mod lost;
mod platform;
mod sweep;
mod wildcard;
mod windows;
mod world;
