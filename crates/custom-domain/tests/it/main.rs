//! CustomDomainService on a real Restate server, a real database and real DNS servers; its neighbours are fakes that
//! speak their contracts.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod contested;
mod crash;
mod deleted;
mod fakes;
mod journal;
mod names;
mod sweep;
mod verify;
mod windows;
mod world;
