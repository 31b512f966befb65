//! A transaction on the primary that knows which locks it took.
//! Not for anything but the database: no call to another system while one is open.

use std::ops::Deref;
use std::sync::Mutex;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};

use crate::lock::Held;
use crate::{DbError, Lock, measure};

/// An open transaction. Dropped without [`Tx::commit`] it is rolled back.
///
/// Usable wherever sea-orm wants a connection: `.one(&tx)`.
#[derive(Debug)]
pub struct Tx {
    inner: DatabaseTransaction,
    held: Mutex<Held>,
}

impl Tx {
    pub(crate) fn new(inner: DatabaseTransaction) -> Self {
        Self {
            inner,
            held: Mutex::default(),
        }
    }

    /// Says that rows of `lock` are locked or written next. Call it before the statement.
    ///
    /// # Panics
    /// In debug builds, when a later lock of [`Lock`]'s order is held already.
    pub fn touch(&self, lock: Lock) {
        self.touch_row(lock, "");
    }

    /// Like [`Tx::touch`] for one row of a table whose rows are locked one after the other: `key`s
    /// must come in ascending byte order.
    pub fn touch_row(&self, lock: Lock, key: &str) {
        if cfg!(debug_assertions) {
            self.held
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .take(lock, key);
        }
    }

    /// Makes everything done so far visible. After an error it is unknown whether it took effect.
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(measure::timed("commit", self.inner.commit()).await?)
    }

    /// Undoes everything, and waits until the server has done so (a drop does not wait).
    pub async fn rollback(self) -> Result<(), DbError> {
        Ok(measure::timed("rollback", self.inner.rollback()).await?)
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(statement).await
    }
}
