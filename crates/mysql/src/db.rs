//! The connection pools: primary, and a replica where one is configured.
//! Not for deciding which of the two a query uses: the caller knows whether it may read stale rows.

use std::path::PathBuf;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr, TransactionTrait};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{ConnectOptions, Connection};

use crate::turns::Turns;
use crate::{DbError, Dsn, Tls, Tx, measure};

/// A connection that was idle this long is tried with a ping before it is used.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// How to reach the database.
#[derive(Clone)]
pub struct Options {
    /// Connection string of the primary, in the form of the Go driver.
    pub primary: String,
    /// Connection string of a read replica; none: reads go to the primary.
    pub replica: Option<String>,
    /// PEM file of the authority that `tls=<name>` verifies against.
    pub ca_file: Option<PathBuf>,
    /// Most connections per pool.
    pub max_connections: u32,
    /// How long a statement waits for a free or a new connection. Far below the shortest abort timeout of a handler, and
    /// long enough for a burst of as many invocations as Restate runs at a time to queue.
    pub acquire_timeout: Duration,
    /// Do not connect yet: [`Db::connect`] succeeds while the server is down.
    pub lazy: bool,
}

impl Options {
    /// The pool of production on this connection string, connecting at once.
    pub fn new(primary: impl Into<String>) -> Self {
        Self {
            primary: primary.into(),
            replica: None,
            ca_file: None,
            max_connections: 25,
            acquire_timeout: Duration::from_secs(20),
            lazy: false,
        }
    }

    /// Does not wait for the server.
    pub fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("primary", &Dsn::parse(&self.primary))
            .field("replica", &self.replica.as_deref().map(Dsn::parse))
            .field("ca_file", &self.ca_file)
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("lazy", &self.lazy)
            .finish()
    }
}

/// The database. Cheap to clone; all clones share the pools.
#[derive(Clone, Debug)]
pub struct Db {
    primary: DatabaseConnection,
    /// The primary's pool again, for transactions: their statements are counted apart.
    transactions: DatabaseConnection,
    replica: DatabaseConnection,
    pub(crate) turns: Turns,
}

impl Db {
    /// Builds the pools. A malformed connection string is an error in any case; an unreachable
    /// server or a refused login only without [`Options::lazy`].
    pub async fn connect(options: &Options) -> Result<Self, DbError> {
        let primary = pool(&options.primary, options).await?;
        let replica = match &options.replica {
            Some(dsn) if !dsn.is_empty() => measure::connection(&pool(dsn, options).await?, "ro"),
            _ => measure::connection(&primary, "rw"),
        };
        Ok(Self {
            replica,
            transactions: measure::connection(&primary, "rw_tx"),
            primary: measure::connection(&primary, "rw"),
            turns: Turns::default(),
        })
    }

    /// The primary: every write, and every read that must not be stale.
    pub fn primary(&self) -> &DatabaseConnection {
        &self.primary
    }

    /// The replica, or the primary where none is configured: reads that may lag behind.
    pub fn replica(&self) -> &DatabaseConnection {
        &self.replica
    }

    /// Opens a transaction on the primary with the server's own isolation level.
    ///
    /// Giving up the wait leaves no transaction behind: the driver counts itself as in one only once the server has
    /// answered, so a `BEGIN` that nobody waits for would go back to the pool open, and what others then write through
    /// that connection would never be committed. A task of its own sees every `BEGIN` to its answer.
    ///
    /// # Errors
    /// No connection in time, or an error of the server.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let transactions = self.transactions.clone();
        let begun = tokio::spawn(async move { transactions.begin().await });
        let begun = async {
            match begun.await {
                Ok(begun) => begun,
                Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
                Err(_) => Err(DbErr::Conn(RuntimeErr::Internal(
                    "the process is about to end".to_owned(),
                ))),
            }
        };
        Ok(Tx::new(measure::timed("begin", begun).await?))
    }

    /// Asks both servers for an answer.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.primary.ping().await?;
        Ok(self.replica.ping().await?)
    }

    /// Closes the pools: waits for statements in flight, refuses new ones.
    pub async fn close(self) -> Result<(), DbError> {
        self.replica.close_by_ref().await?;
        Ok(self.primary.close_by_ref().await?)
    }
}

async fn pool(dsn: &str, options: &Options) -> Result<sqlx::MySqlPool, DbError> {
    let connect = connect_options(dsn, options)?;
    let pool = MySqlPoolOptions::new()
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        .max_lifetime(Duration::from_secs(5 * 60))
        .idle_timeout(Duration::from_secs(60))
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            Box::pin(async move {
                if metadata.idle_for >= PING_AFTER_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        });
    Ok(if options.lazy {
        pool.connect_lazy_with(connect)
    } else {
        pool.connect_with(connect).await?
    })
}

/// Driver options of a connection string, with the warnings it deserves.
pub(crate) fn connect_options(
    dsn: &str,
    options: &Options,
) -> Result<MySqlConnectOptions, DbError> {
    let dsn = Dsn::parse(dsn)?;
    if dsn.tls == Tls::SkipVerify {
        tracing::warn!(
            "the database connection is encrypted but its certificate is not verified (tls=skip-verify)"
        );
    }
    if !dsn.ignored.is_empty() {
        tracing::warn!(parameters = ?dsn.ignored, "parameters of the database connection string without effect here");
    }
    let driver = dsn.connect_options(options.ca_file.as_deref())?;
    Ok(driver.log_statements(tracing::log::LevelFilter::Trace))
}
