//! An embedded Vault for development and tests: the wire protocol and the storage layout of the real one, in memory
//! or in a directory.
//!
//! Not for production: one process, no S3, and master keys it may draw for itself. The client is crate `vault`.

mod cache;
mod config;
mod engine;
mod envelope;
mod keyfile;
mod keyring;
mod keys;
mod locks;
mod options;
mod refusal;
mod reroll;
mod rpc;
mod server;
mod store;

pub use config::{ConfigError, from_text, load};
pub use engine::{Engine, Sealed};
pub use envelope::Malformed;
pub use keyfile::KeyFileError;
pub use keyring::{BadKeyring, Keyring};
pub use keys::{BadMasterKey, MasterKey, MasterKeys};
pub use options::{Limits, MasterSource, Options, Storage, Tokens, TokensError};
pub use refusal::{Code, Refusal};
pub use reroll::{Progress, Reroll};
pub use server::{Generated, Server, StartError, engine};
pub use store::{DiskStore, MemoryStore, OutageStore, Store, StoreError};
