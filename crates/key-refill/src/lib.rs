//! `hydra.v1.KeyRefillService`: sets the remaining requests of API keys back to their refill amount, once per key and
//! date, with an audit entry for each.
//!
//! Correctness comes from the database: one transaction per chunk locks what is due, writes audit rows whose ids derive
//! from key and date, and refills. Whatever is repeated finds those rows and leaves the key alone. Not for when it runs
//! (the scheduler or an outside cron), and not for the caches of whoever verifies keys.

mod chunk;
mod day;
mod heartbeat;
mod plan;
mod refill_range;
mod run_refill;
mod state;
mod statements;
mod steps;
mod walk;

use key_refill_client::KeyRefillBackend;
use messages::hydra::v1::{
    RefillRangeRequest, RefillRangeResponse, RunRefillRequest, RunRefillResponse,
};
use mysql::Db;
use notify::Heartbeat;
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;

pub use plan::Settings;

/// The service. The key of an object is a date.
#[derive(Clone, Debug)]
pub struct KeyRefill {
    db: Db,
    heartbeat: Heartbeat,
    settings: Settings,
}

impl KeyRefill {
    /// Refills keys of this database; the heartbeat hears of every finished run.
    pub fn new(db: Db, heartbeat: Heartbeat) -> Self {
        Self {
            db,
            heartbeat,
            settings: Settings::default(),
        }
    }

    /// With other sizes of chunks and ranges.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }
}

impl KeyRefillBackend for KeyRefill {
    async fn run_refill<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: RunRefillRequest,
    ) -> HandlerResult<RunRefillResponse> {
        run_refill::handler(self, ctx).await
    }

    async fn refill_range<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: RefillRangeRequest,
    ) -> HandlerResult<RefillRangeResponse> {
        refill_range::handler(self, ctx, req).await
    }
}
