//! Scenarios that need more than one service.

// Deeply nested futures of the services under test.
#![recursion_limit = "512"]

mod crash;
mod delete;
mod deploy;
mod domains;
mod edge_rows;
mod failure;
mod hosts;
mod idle;
mod journal;
mod keys;
mod lost_tables;
mod neighbours;
mod placement;
mod query;
mod quota;
mod readiness;
mod reconciler;
mod rolled_back;
mod times;
mod traffic;
mod world;
