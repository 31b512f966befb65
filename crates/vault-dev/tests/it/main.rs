//! The development Vault as its callers see it: through the client, through raw requests, and on its storage.

mod cli;
mod config;
mod health;
mod keys;
mod limits;
mod protocol;
mod rig;
mod rotation;
mod round_trip;
mod storage;
