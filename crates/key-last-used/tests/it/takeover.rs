//! A running cluster changes hands: the cursor of the existing worker counts.

use key_last_used::Settings;
use key_last_used_partition_client::{KeyLastUsedPartitionBackend, KeyLastUsedPartitionService};
use messages::hydra::v1::{SyncPartitionRequest, SyncPartitionResponse};
use notify::Heartbeat;
use restate_sdk::prelude::*;
use restate_sdk::serde::Json;
use serde_json::json;

use crate::world::*;

/// Leaves the state the existing worker leaves.
struct Existing {
    time: i64,
    key: String,
}

impl KeyLastUsedPartitionBackend for Existing {
    async fn sync_partition<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: SyncPartitionRequest,
    ) -> HandlerResult<SyncPartitionResponse> {
        ctx.set("cursor_time", Json(self.time));
        ctx.set("cursor_key_id", Json(self.key.clone()));
        ctx.set("total_partitions", Json(req.total_partitions));
        Ok(SyncPartitionResponse::default())
    }
}

#[test]
fn the_cursor_of_the_existing_worker_is_taken_over() {
    testbed::run(async {
        let w = World::new().await;
        let now = mysql::now_ms();
        let existing = Existing {
            time: now,
            key: w.id("m"),
        };
        let endpoint_of_old = Endpoint::builder()
            .bind(KeyLastUsedPartitionService(existing))
            .build();
        let old = testbed::serve_on(&w.restate, endpoint_of_old).await;
        w.partition("0", 1).await;
        drop(old);
        assert_eq!(w.state("0", "cursor_time").await, Some(json!(now)));
        let ours = endpoint(
            w.db.clone(),
            Some(analytics(w.engine, &w.database)),
            Settings::default(),
            Heartbeat::none(),
        );
        let _ours = testbed::serve_on(&w.restate, ours).await;
        for (name, at) in [("before", now - 60 * MINUTE), ("after", now + 1)] {
            w.key(name).await;
            w.used(name, at).await;
        }
        assert_eq!(w.partition("0", 1).await, 1);
        assert_eq!(
            w.last_used("before").await,
            0,
            "copied by the existing worker already"
        );
        assert_eq!(w.last_used("after").await, minute(now + 1));
    });
}
