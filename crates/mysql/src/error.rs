//! One error for everything the database does, sorted by what a caller can do about it.
//! Not for "no such row": that is a value, `Option::None`.

use sea_orm::{DbErr, RuntimeErr};
use sqlx::mysql::MySqlDatabaseError;

use crate::DsnError;

/// What a caller can do about a [`DbError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Gone by itself: deadlock, lock wait, too many connections, connection lost, fail-over.
    /// Whether a lost COMMIT took effect is unknown, so what is repeated must be idempotent.
    Transient,
    /// A row with this value in unique index `key` exists (index name without the table).
    Duplicate {
        /// Name of the violated index, e.g. `unique_version_per_region` or `PRIMARY`.
        key: String,
    },
    /// A value the column refuses, or a stored value this code cannot read. Repeating is useless.
    Data,
    /// Anything else: missing table, refused login, bad statement.
    Other,
}

/// An error of the database or on the way to it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The connection string cannot be used.
    #[error(transparent)]
    Dsn(#[from] DsnError),
    /// The server wants a password exchange that is only safe under TLS, and TLS is off.
    #[error(
        "the server wants the password of a `caching_sha2_password` account without TLS: turn on TLS at the server, \
         or add `tls=true` or `tls=skip-verify` to the DSN; a login of the same account over TLS also helps until the server restarts"
    )]
    LoginNeedsTls(#[source] DbErr),
    /// What the worker needs is not in the database.
    #[error("the database lacks {}; {}", .missing.join(", "), cure(.missing))]
    Schema {
        /// `table x` or `column x.y`, one for each.
        missing: Vec<String>,
    },
    /// Names would be compared with case, or not be Unicode.
    #[error(
        "the database's collation is `{found}`, but host names must be compared without case: recreate it with a utf8mb4 collation that ends in _ci"
    )]
    Collation {
        /// The collation found, possibly empty.
        found: String,
    },
    /// Any other error of the driver or the server.
    #[error(transparent)]
    Sql(DbErr),
}

/// What to do about missing tables and columns. Ours come with `migrate`, like any missing table.
fn cure(missing: &[String]) -> &'static str {
    let foreign =
        |name: &String| name.starts_with("column ") && !name.starts_with("column ctrl_worker_");
    if missing.iter().any(foreign) {
        "columns of its shared tables come with the control API's schema: bring that up to date, run `worker migrate` for the rest, then start again"
    } else {
        "run `worker migrate` once with the same configuration, then start again"
    }
}

impl From<DbErr> for DbError {
    fn from(error: DbErr) -> Self {
        match sqlx_error(&error) {
            // What the driver answers, built without RSA, when asked for the key exchange.
            Some(sqlx::Error::Configuration(text)) if text.to_string().contains("mysql-rsa") => {
                Self::LoginNeedsTls(error)
            }
            _ => Self::Sql(error),
        }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
    }
}

impl DbError {
    /// What can be done about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Sql(error) => class_of(error),
            Self::Dsn(_)
            | Self::LoginNeedsTls(_)
            | Self::Schema { .. }
            | Self::Collation { .. } => Class::Other,
        }
    }

    /// Whether repeating the transaction may help.
    pub fn is_transient(&self) -> bool {
        self.class() == Class::Transient
    }

    /// Whether the unique index of this name refused the row.
    pub fn is_duplicate_of(&self, index: &str) -> bool {
        matches!(self.class(), Class::Duplicate { key } if key == index)
    }

    /// The server's error number, where the server answered.
    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Sql(error) | Self::LoginNeedsTls(error) => {
                server_error(error).map(MySqlDatabaseError::number)
            }
            Self::Dsn(_) | Self::Schema { .. } | Self::Collation { .. } => None,
        }
    }
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(e))
        | DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e)) => Some(e),
        _ => None,
    }
}

fn server_error(error: &DbErr) -> Option<&MySqlDatabaseError> {
    match sqlx_error(error)? {
        sqlx::Error::Database(e) => e.try_downcast_ref(),
        _ => None,
    }
}

fn class_of(error: &DbErr) -> Class {
    if let Some(server) = server_error(error) {
        return class_of_number(server.number(), server.message());
    }
    match (error, sqlx_error(error)) {
        (DbErr::ConnectionAcquire(_), _) => Class::Transient,
        (_, Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed)) => {
            Class::Transient
        }
        (_, Some(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))) => Class::Data,
        (DbErr::Json(_) | DbErr::Type(_) | DbErr::TryIntoErr { .. }, _) => Class::Data,
        _ => Class::Other,
    }
}

fn class_of_number(number: u16, message: &str) -> Class {
    match number {
        // lock wait, deadlock; MariaDB's snapshot conflict; table changed under a snapshot
        1205 | 1213 | 1020 | 1412 => Class::Transient,
        // MariaDB: a deadlock or lock wait met while the auto-increment value was drawn
        1467 => Class::Transient,
        // too many connections (server, user), shutting down, killed, aborted, gone, lost
        1040 | 1203 | 1053 | 1317 | 1152 | 1184 | 1927 | 2006 | 2013 => Class::Transient,
        1158..=1161 => Class::Transient,
        // read-only for the moment of a fail-over
        1290 | 1836 => Class::Transient,
        1062 | 1586 => Class::Duplicate {
            key: duplicate_key(message).unwrap_or_default().to_owned(),
        },
        // null, missing value, out of range, truncated, wrong text, too long, invalid JSON
        1048 | 1264 | 1265 | 1292 | 1364 | 1366 | 1406 | 3140 | 4025 => Class::Data,
        _ => Class::Other,
    }
}

/// `Duplicate entry 'x' for key 'table.key'` (MySQL) or `… for key 'key'` (MariaDB) → `key`.
fn duplicate_key(message: &str) -> Option<&str> {
    let quoted = message.trim_end().strip_suffix('\'')?;
    let (_, name) = quoted.rsplit_once('\'')?;
    Some(name.rsplit_once('.').map_or(name, |(_, key)| key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_duplicate_is_read_from_both_servers_messages() {
        for (message, key) in [
            (
                "Duplicate entry 'rgn_1-7' for key 'deployment_topology.unique_version_per_region'",
                "unique_version_per_region",
            ),
            (
                "Duplicate entry 'rgn_1-7' for key 'unique_version_per_region'",
                "unique_version_per_region",
            ),
            (
                "Duplicate entry 'it's.a 'key'' for key 'PRIMARY'",
                "PRIMARY",
            ),
        ] {
            assert_eq!(
                class_of_number(1062, message),
                Class::Duplicate { key: key.into() }
            );
        }
        assert_eq!(
            class_of_number(1062, "no quotes"),
            Class::Duplicate { key: String::new() }
        );
    }

    #[test]
    fn numbers_fall_into_the_class_the_contract_names() {
        for number in [1213, 1205, 1040, 2006, 2013, 1020] {
            assert_eq!(class_of_number(number, ""), Class::Transient, "{number}");
        }
        for number in [1406, 1265, 1264, 1364, 1366, 4025, 3140] {
            assert_eq!(class_of_number(number, ""), Class::Data, "{number}");
        }
        for number in [1045, 1049, 1064, 1146] {
            assert_eq!(class_of_number(number, ""), Class::Other, "{number}");
        }
    }

    #[test]
    fn lost_connections_and_an_exhausted_pool_are_transient() {
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(
            DbError::from(sqlx::Error::Io(reset)).class(),
            Class::Transient
        );
        let full = DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout);
        assert_eq!(DbError::from(full).class(), Class::Transient);
        assert_eq!(DbError::from(DbErr::Json("x".into())).class(), Class::Data);
        assert_eq!(
            DbError::from(DbErr::Custom("x".into())).class(),
            Class::Other
        );
    }
}
