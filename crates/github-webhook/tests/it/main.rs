//! GitHubWebhookService on real Restate and database servers, with a GitHub of the tests' own and neighbours that only
//! remember what they were told.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod closed;
mod crash;
mod fork;
mod neighbours;
mod order;
mod pushes;
mod refused;
mod seeds;
mod world;
