//! The simulated edge against a real database: what it follows, what its reports do, what its
//! servers answer.
#![recursion_limit = "256"]

mod follow;
mod reports;
mod surfaces;
mod tls;
mod world;
