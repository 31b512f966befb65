//! `hydra.v1.KeyLastUsedSyncService` and `hydra.v1.KeyLastUsedPartitionService`: copy from ClickHouse to MySQL when each key
//! was last used, to the minute.
//!
//! A value in MySQL never moves backwards, and neither does the cursor of a partition. Not here: what writes the events,
//! and the clock that starts a run every minute.

mod cursor;
mod key;
mod rows;
mod run_sync;
mod steps;
mod sync_partition;

use std::time::Duration;

use analytics::{Analytics, AnalyticsError, Class};
use durable::{Stop, codes};
use key_last_used_partition_client::KeyLastUsedPartitionBackend;
use key_last_used_sync_client::KeyLastUsedSyncBackend;
use messages::hydra::v1::{
    RunSyncRequest, RunSyncResponse, SyncPartitionRequest, SyncPartitionResponse,
};
use mysql::Db;
use notify::Heartbeat;
use restate_sdk::context::{Context, ObjectContext};
use restate_sdk::errors::HandlerResult;

/// Sizes and times of the sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Into how many parts a run divides the keys.
    pub partitions: i32,
    /// Keys read in one step.
    pub page: u64,
    /// Keys written by one transaction.
    pub chunk: usize,
    /// How far behind the cursor a run starts reading again, for events that arrive late.
    pub lag: Duration,
    /// Steps of one run at most; the next run goes on.
    pub most_pages: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            partitions: 8,
            page: 25_000,
            chunk: 500,
            lag: Duration::from_secs(600),
            most_pages: 400,
        }
    }
}

/// The service that calls every partition.
#[derive(Clone, Debug)]
pub struct KeyLastUsedSync {
    configured: bool,
    heartbeat: Heartbeat,
    settings: Settings,
}

impl KeyLastUsedSync {
    /// `configured` says whether the partitions have a ClickHouse; a run without is refused. The heartbeat is called after
    /// a run in which every partition succeeded.
    pub fn new(configured: bool, heartbeat: Heartbeat, settings: Settings) -> Self {
        Self {
            configured,
            heartbeat,
            settings,
        }
    }
}

impl KeyLastUsedSyncBackend for KeyLastUsedSync {
    async fn run_sync<'a>(
        &'a self,
        ctx: Context<'a>,
        _: RunSyncRequest,
    ) -> HandlerResult<RunSyncResponse> {
        run_sync::handler(self, ctx).await
    }
}

/// The service that copies one part of the keys. The key of an object is the number of the part, from 0.
#[derive(Clone, Debug)]
pub struct KeyLastUsedPartition {
    db: Db,
    analytics: Option<Analytics>,
    settings: Settings,
}

impl KeyLastUsedPartition {
    /// Reads from `analytics`; without it every call is refused with a text that says what to configure.
    pub fn new(db: Db, analytics: Option<Analytics>, settings: Settings) -> Self {
        Self {
            db,
            analytics,
            settings,
        }
    }
}

impl KeyLastUsedPartitionBackend for KeyLastUsedPartition {
    async fn sync_partition<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: SyncPartitionRequest,
    ) -> HandlerResult<SyncPartitionResponse> {
        sync_partition::handler(self, ctx, &req).await
    }
}

fn not_configured() -> Stop {
    Stop::fault(
        codes::CLICKHOUSE_NOT_CONFIGURED,
        "There is nothing to read when keys were last used from: set clickhouse.url in the worker's configuration.",
    )
}

fn clickhouse_stop(error: AnalyticsError) -> Stop {
    match error.class() {
        Class::BadRequest => Stop::fault(codes::CLICKHOUSE_REFUSED, format!("{error}.")),
        _ => Stop::retry(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let settings = Settings::default();
        assert_eq!(
            (settings.partitions, settings.page, settings.chunk),
            (8, 25_000, 500)
        );
        assert_eq!(settings.lag, Duration::from_secs(10 * 60));
    }
}
