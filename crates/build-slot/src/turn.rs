//! How every handler begins and ends: the queue is read, whoever is granted a slot is told, the next audit is sent, the
//! queue is stored. Not for deciding (see `queue`).

use crate::queue::Queue;
use build_slot_client::BuildSlotClient;
use durable::Stop;
use messages::hydra::v1::AuditBuildSlotsRequest;
use restate_sdk::context::{
    ContextAwakeables, ContextClient, ContextReadState, ContextWriteState, ObjectContext,
};
use restate_sdk::serde::Json;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Key of the object state.
const SLOTS: &str = "slots";

/// The form in which it is written; a later one reads this.
const VERSION: u32 = 1;

/// The object state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    version: u32,
    pub(crate) queue: Queue,
    /// Token of the one audit that may act; none is under way without it.
    pub(crate) audit: Option<String>,
}

pub(crate) async fn read(ctx: &ObjectContext<'_>) -> Result<State, Stop> {
    let stored: Option<Json<State>> = ctx.get(SLOTS).await?;
    Ok(stored.map(Json::into_inner).unwrap_or_default())
}

/// Tells those who are granted a slot and stores the queue. `nonce`: token of the next audit, should one be due.
pub(crate) fn end(
    ctx: &ObjectContext<'_>,
    mut state: State,
    granted: Vec<String>,
    nonce: String,
    audit_every: Duration,
) {
    for awakeable in granted {
        ctx.resolve_awakeable(&awakeable, Json(true));
    }
    if state.queue.is_empty() {
        ctx.clear(SLOTS);
        return;
    }
    if state.audit.is_none() {
        let _ = ctx
            .object_client::<BuildSlotClient<'_>>(ctx.key())
            .audit(AuditBuildSlotsRequest {
                nonce: nonce.clone(),
            })
            .send_after(audit_every);
        state.audit = Some(nonce);
    }
    state.version = VERSION;
    ctx.set(SLOTS, Json(state));
}
