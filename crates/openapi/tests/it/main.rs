//! OpenapiService on a real Restate server and a real database; the deployments' hosts are one HTTP server on loopback.
#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "tests are not replayed")]

mod refused;
mod scrape;
mod site;
mod world;
