//! The client against scripted peers: silent, failing, talking nonsense.

mod metrics;
mod peer;
mod retries;
mod timeout;
