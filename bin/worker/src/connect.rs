//! The database at start: pools that need no server yet, and waiting for one that has the right tables.
//!
//! Not for migrating: serving runs no DDL.

use std::path::PathBuf;
use std::time::Duration;

use config::Config;
use mysql::{Db, DbError, Dsn, DsnError, Options, Tls};

/// Pauses between two tries: doubled from the first to the last, then the same for ever.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// How to reach the configured database.
pub fn options(config: &Config) -> Options {
    let database = &config.database;
    let mut options = Options::new(database.primary.expose());
    options.replica = Some(database.readonly_replica.expose().to_owned()).filter(|r| !r.is_empty());
    options.ca_file = Some(PathBuf::from(&database.ca_file)).filter(|f| !f.as_os_str().is_empty());
    options
}

/// Whether the addresses can be read at all, and the file of the authority they name.
///
/// # Errors
/// Which one cannot, and why.
pub fn check_addresses(config: &Config) -> Result<(), String> {
    let database = &config.database;
    let check = |path: &str, dsn: &str| {
        let tls = Dsn::parse(dsn).map_err(|e| format!("{path}: {e}"))?.tls;
        match tls {
            Tls::Named(name) if database.ca_file.is_empty() => {
                Err(format!("{path}: {}", DsnError::NoCaFile(name)))
            }
            _ => Ok(()),
        }
    };
    check("database.primary", database.primary.expose())?;
    if !database.readonly_replica.is_empty() {
        check(
            "database.readonly_replica",
            database.readonly_replica.expose(),
        )?;
    }
    if !database.ca_file.is_empty() {
        std::fs::File::open(&database.ca_file)
            .map_err(|e| format!("database.ca_file: {}: {e}", database.ca_file))?;
    }
    Ok(())
}

/// Waits, for as long as it takes, until the database answers and its tables can be looked at.
///
/// # Errors
/// Tables or columns are missing, or names would be compared with case: what waiting does not cure.
pub async fn until_ready(db: &Db) -> Result<(), String> {
    let mut pause = FIRST_PAUSE;
    loop {
        match ready(db).await {
            Ok(()) => return Ok(()),
            Err(error @ (DbError::Schema { .. } | DbError::Collation { .. })) => {
                return Err(format!(
                    "{}; run `worker migrate --config <file>` (`--print` shows what it would do)",
                    causes::chain(&error)
                ));
            }
            Err(error) => {
                tracing::warn!(error = causes::chain(&error), retry_in = ?pause, "the database does not answer yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    }
}

async fn ready(db: &Db) -> Result<(), DbError> {
    db.ping().await?;
    mysql::migrate::check(db).await
}
