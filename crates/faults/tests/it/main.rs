//! The proxy between a real Restate server and an endpoint of ours.

mod adapters;
mod cuts;
mod order;
mod passing;
