//! The servers of builds, seen from outside.

mod client;
mod depot;
mod instant;
mod real;
