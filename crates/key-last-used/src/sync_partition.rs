//! `SyncPartition`: copies what was used since the last run, page by page, each page one step. The cursor is kept after
//! every page, so that a run that ends in the middle is continued by the next.

use analytics::{Analytics, LastUsedPage};
use durable::{Preset, Stop};
use key_last_used_partition_client::SERVICE;
use messages::hydra::v1::{SyncPartitionRequest, SyncPartitionResponse};
use restate_sdk::context::{ContextReadState, ContextWriteState, ObjectContext};
use restate_sdk::errors::HandlerResult;
use restate_sdk::serde::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cursor::{self, Cursor};
use crate::{KeyLastUsedPartition, Settings, clickhouse_stop, key, not_configured, rows, steps};

/// What one step did.
#[derive(Debug, Serialize, Deserialize)]
struct Batch {
    /// Keys read.
    read: u64,
    /// Rows changed.
    changed: u64,
    /// The last key read.
    end: Cursor,
    /// The clock of the step, epoch milliseconds.
    now: i64,
}

pub(crate) async fn handler(
    service: &KeyLastUsedPartition,
    ctx: ObjectContext<'_>,
    request: &SyncPartitionRequest,
) -> HandlerResult<SyncPartitionResponse> {
    let (invocation, name) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "SyncPartition", &invocation, &name, async {
        let (partition, total) = key::partition(&name, request.total_partitions)?;
        let analytics = service.analytics.as_ref().ok_or_else(not_configured)?;
        let settings = &service.settings;

        let time = ctx
            .get::<Json<Value>>(cursor::TIME)
            .await?
            .map(Json::into_inner);
        let last = ctx
            .get::<Json<Value>>(cursor::KEY_ID)
            .await?
            .map(Json::into_inner);
        let known = ctx
            .get::<Json<Value>>(cursor::TOTAL)
            .await?
            .map(Json::into_inner);
        let mut at = Cursor::of_state(time.as_ref(), last.as_ref(), known.as_ref(), total);
        if known.as_ref().and_then(Value::as_u64) != Some(total) {
            ctx.set(cursor::TOTAL, Json(total));
            // together with the number: a run that ends here must not leave the cursor of another division
            ctx.set(cursor::TIME, Json(at.time));
            ctx.set(cursor::KEY_ID, Json(at.key.clone()));
        }

        let mut from = at.behind(settings.lag);
        let mut changed = 0_u64;
        for _ in 0..settings.most_pages {
            let page = LastUsedPage {
                after_time: from.time,
                after_key: &from.key,
                partitions: total,
                partition,
                limit: settings.page,
            };
            let copy = copy(service, analytics, page);
            let batch: Batch = durable::run!(ctx, steps::BATCH, Preset::Periodic, copy)?;
            if batch.read == 0 {
                break;
            }
            changed += batch.changed;
            let next = at.advanced(&batch.end, batch.now);
            if next != at {
                ctx.set(cursor::TIME, Json(next.time));
                ctx.set(cursor::KEY_ID, Json(next.key.clone()));
                at = next;
            }
            if batch.read < settings.page {
                break;
            }
            from = batch.end;
        }
        Ok(SyncPartitionResponse {
            keys_synced: i32::try_from(changed).unwrap_or(i32::MAX),
        })
    })
    .await
}

/// Reads a page and writes it, chunk by chunk. Rows only move forwards, so it may run again from its beginning.
async fn copy(
    service: &KeyLastUsedPartition,
    analytics: &Analytics,
    page: LastUsedPage<'_>,
) -> Result<Batch, Stop> {
    let Settings { chunk, .. } = service.settings;
    let keys = analytics.last_used(page).await.map_err(clickhouse_stop)?;
    let now = mysql::now_ms();
    let mut changed = 0;
    for part in keys.chunks(chunk.max(1)) {
        changed += rows::write(&service.db, part, now).await?;
    }
    let end = keys.last().map_or_else(Cursor::default, |last| Cursor {
        time: last.last_used,
        key: last.key_id.clone(),
    });
    Ok(Batch {
        read: keys.len() as u64,
        changed,
        end,
        now,
    })
}
