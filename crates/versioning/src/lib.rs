//! `hydra.v1.VersioningService`: hands out the version counter of a region to callers of the existing contract.
//!
//! A thin adapter over [`mysql::counter`], which is where the numbers come from. Not for our own rows: topology,
//! sentinels and policies take their version inside the transaction that writes them.

mod get_version;
mod key;
mod next_version;
mod state;
mod steps;

use messages::hydra::v1::{
    GetVersionRequest, GetVersionResponse, NextVersionRequest, NextVersionResponse,
};
use mysql::Db;
use restate_sdk::context::{ObjectContext, SharedObjectContext};
use restate_sdk::errors::HandlerResult;
use versioning_client::VersioningBackend;

/// The service. The key of an object is a region id; any other string of up to 64 characters without a blank at
/// its end counts for itself.
#[derive(Clone, Debug)]
pub struct Versioning {
    db: Db,
}

impl Versioning {
    /// Counts in this database.
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

impl VersioningBackend for Versioning {
    async fn next_version<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: NextVersionRequest,
    ) -> HandlerResult<NextVersionResponse> {
        next_version::handler(&self.db, ctx).await
    }

    async fn get_version<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        _: GetVersionRequest,
    ) -> HandlerResult<GetVersionResponse> {
        get_version::handler(&self.db, ctx).await
    }
}
