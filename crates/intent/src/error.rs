//! What can go wrong while the intent of a user is written down.

/// Why a row of intent was not written.
#[derive(Debug, thiserror::Error)]
pub enum IntentError {
    /// The database refused, or could not be reached.
    #[error("database: {0}")]
    Database(#[from] mysql::DbError),
    /// A row that has to be there first is missing.
    #[error("no {what} `{id}`; create it first")]
    NotFound {
        /// Kind of row, in words.
        what: &'static str,
        /// The id or slug that was looked up.
        id: String,
    },
}

impl From<sea_orm::DbErr> for IntentError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(error.into())
    }
}
