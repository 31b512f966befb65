//! The worker: one process that hosts every Restate service of the control plane.
//!
//! Wiring only: configuration → adapters → services → one server. What a service does is in its own crate, and which
//! services there are, with their retry, retention, privacy and timeouts, is in [`services`].

pub mod background;
pub mod builds;
pub mod certificates;
pub mod cli;
pub mod clickhouse;
pub mod commands;
pub mod connect;
pub mod health;
pub mod jobs;
pub mod manifest;
pub mod observability;
mod options;
pub mod reference;
pub mod registration;
pub mod serve;
pub mod server;
pub mod services;
pub mod signals;
pub mod standing;
pub mod supervise;
pub mod takeover;
pub mod timings;

/// This build's version: what the build was told in `UNKEY_BUILD_VERSION`, else the package's.
pub const VERSION: &str = match option_env!("UNKEY_BUILD_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};
