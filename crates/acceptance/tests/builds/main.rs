//! From a Git source to a live deployment: all services together, over a GitHub and a Depot that write down what they are asked,
//! and a BuildKit that answers at once.

// Deeply nested futures of the services under test.
#![recursion_limit = "512"]

mod bound;
mod deliveries;
mod ends;
mod forks;
mod query;
mod sources;
mod turns;
mod variables;
mod world;
