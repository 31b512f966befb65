//! The client against scripted peers: silent, failing, talking nonsense.

mod peer;
mod retries;
mod timeout;
