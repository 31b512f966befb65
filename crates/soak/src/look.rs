//! One look at the database: a connection of its own and one read-only snapshot per look.
//!
//! Not for rules: see `invariants` and `reader`.

use sqlx::mysql::MySqlRow;
use sqlx::{Connection as _, MySqlConnection, Row as _};

use crate::Error;

/// The observer's connection; comes back by itself after an outage.
pub(crate) struct Eye {
    url: String,
    connection: Option<MySqlConnection>,
}

impl Eye {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            connection: None,
        }
    }

    /// Begins a snapshot. Everything asked until [`Self::close`] is of one committed instant.
    pub(crate) async fn open(&mut self) -> Result<(), Error> {
        let result = self.begin().await;
        if result.is_err() {
            self.connection = None;
        }
        result
    }

    async fn begin(&mut self) -> Result<(), Error> {
        if self.connection.is_none() {
            let mut connection = MySqlConnection::connect(&self.url).await?;
            run(
                &mut connection,
                "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            )
            .await?;
            self.connection = Some(connection);
        }
        let connection = self.connection.as_mut().ok_or(Error::NoSnapshot)?;
        run(
            connection,
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        )
        .await
    }

    /// Ends the snapshot.
    pub(crate) async fn close(&mut self) -> Result<(), Error> {
        let connection = self.connection.as_mut().ok_or(Error::NoSnapshot)?;
        run(connection, "COMMIT").await
    }

    /// Forgets a connection that failed.
    pub(crate) fn drop_connection(&mut self) {
        self.connection = None;
    }

    /// Rows of a statement in the snapshot.
    pub(crate) async fn rows(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<MySqlRow>, Error> {
        let connection = self.connection.as_mut().ok_or(Error::NoSnapshot)?;
        let mut query = sqlx::query(sql);
        for value in values {
            query = match value {
                Value::Text(text) => query.bind(text.clone()),
                Value::Unsigned(number) => query.bind(*number),
            };
        }
        Ok(query.fetch_all(connection).await?)
    }

    /// The first column of each row as text.
    pub(crate) async fn texts(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<String>, Error> {
        let rows = self.rows(sql, values).await?;
        rows.iter()
            .map(|row| Ok(row.try_get::<String, _>(0)?))
            .collect()
    }
}

/// A bound value.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Unsigned(u64),
}

async fn run(connection: &mut MySqlConnection, sql: &'static str) -> Result<(), Error> {
    sqlx::raw_sql(sql).execute(connection).await?;
    Ok(())
}
