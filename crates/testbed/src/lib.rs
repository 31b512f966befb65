//! Real servers for tests: one Restate server and one migrated database per test process, and
//! owned servers for tests that stop or kill them. See `docs/testing.md`.
//!
//! ```text
//! #[test]
//! fn dep_13_quota_is_checked_under_a_lock() {
//!     testbed::scenario!("DEP-13");
//!     testbed::run(async {
//!         testbed::serve(endpoint).await;
//!         testbed::assert_quiet(&[key]).await;
//!     })
//! }
//! ```
//!
//! Not for production code: it is a dev-dependency, its own programs `stack` and `readback` apart. Not a mock: there
//! is no in-process stand-in for Restate or MySQL here.

mod database;
mod dns;
mod error;
mod evidence;
mod files;
mod guard;
mod http01;
mod mariadb;
mod pebble;
mod ports;
mod process;
mod proxy;
mod ready;
mod restate;
mod route53;
mod scenario;
mod serve;
mod wait;

pub use database::{
    Database, MYSQL_VARIABLE, create_database, create_database_on, db, ensure_database, migrate,
    migrated_database, mysql_url, shared_database,
};
pub use dns::{DnsData, DnsFailure, DnsKind, DnsServer, RecordSource, dns};
pub use error::StartError;
pub use files::{keep_evidence, process_dir, repository, server_dir, target_dir};
pub use guard::{Guarded, Spec};
pub use http01::{ChallengeRows, Http01, TokenSource, http01};
pub use mariadb::{MariaDb, MariaDbOptions, PASSWORD, USER};
pub use pebble::{Pebble, PebbleCounts, PebbleOptions, pebble};
pub use ports::{PORT_TRIES, free_port};
pub use process::{admin, ingress, restate, run, runtime, serve, serve_on};
pub use proxy::Proxy;
pub use restate::{Restate, RestateOptions};
pub use route53::{Batch, RecordChange, Route53Server, route53};
pub use scenario::Scenario;
pub use serve::{Served, listen};
pub use wait::{Attempt, assert_quiet, eventually};
