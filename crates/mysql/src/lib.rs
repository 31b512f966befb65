//! The MySQL database this worker shares with the control API, the edge and the dashboard:
//! entities, connections, transactions, errors by class, the version counter and the schema of a
//! fresh installation. Not for queries of a service: those stay beside the step that needs them.
//! Knows nothing of Restate.
//!
//! Runs on MySQL 8 and 9 and on MariaDB 10.11.

pub mod counter;
mod db;
mod dsn;
pub mod entity;
mod error;
pub mod lease;
mod lock;
mod measure;
pub mod migrate;
pub mod quota;
mod retry;
pub mod sql;
mod turns;
mod tx;

pub use db::{Db, Options};
pub use dsn::{Address, Dsn, DsnError, Tls};
pub use error::{Class, DbError};
pub use lock::Lock;
pub use retry::{Classify, retry, retry_as};
pub use sea_orm;
pub use turns::Turn;
pub use tx::Tx;

/// The clock of this process in epoch milliseconds. In a handler, only inside a step.
pub fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_millis() as i64)
}
