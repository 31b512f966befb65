//! Object state: where a walk is, and what the existing worker left behind.
//!
//! `progress` is ours: there while a walk is unfinished, so that a run after a killed one goes on where that was.
//! `processed_keys` is the existing worker's map of key ids; its keys are left out of the walk that finds it.

use crate::plan::Range;
use durable::Stop;
use restate_sdk::context::{ContextReadState, ContextWriteState, ObjectContext};
use restate_sdk::serde::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

const PROGRESS: &str = "progress";
const PROCESSED_KEYS: &str = "processed_keys";

/// An unfinished walk. A few numbers, however many keys there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// When it began, epoch ms.
    pub(crate) begun: i64,
    /// Keys refilled so far.
    pub(crate) refilled: u64,
    /// Few enough rows for a single journal.
    pub(crate) small: bool,
    /// What is left.
    pub(crate) ranges: Vec<Range>,
}

impl Progress {
    /// A range was walked up to a row.
    pub(crate) fn reached(&mut self, lane: usize, pk: u64, refilled: u64) {
        self.refilled += refilled;
        if let Some(range) = self.ranges.get_mut(lane) {
            range.after = range.after.max(pk);
        }
    }

    /// Forgets the ranges that are walked.
    pub(crate) fn drop_done(&mut self) {
        self.ranges.retain(|range| !range.is_done());
    }
}

pub(crate) async fn progress(ctx: &ObjectContext<'_>) -> Result<Option<Progress>, Stop> {
    Ok(ctx
        .get::<Json<Progress>>(PROGRESS)
        .await?
        .map(Json::into_inner))
}

pub(crate) fn set(ctx: &ObjectContext<'_>, progress: &Progress) {
    ctx.set(PROGRESS, Json(progress.clone()));
}

/// Ids of the keys the existing worker refilled for this date. A state of any other form is none of its.
pub(crate) async fn processed(ctx: &ObjectContext<'_>) -> Result<BTreeSet<String>, Stop> {
    let state = ctx.get::<Json<Value>>(PROCESSED_KEYS).await?;
    Ok(ids(state.map(Json::into_inner)))
}

/// The walk is finished.
pub(crate) fn clear(ctx: &ObjectContext<'_>) {
    ctx.clear(PROGRESS);
    ctx.clear(PROCESSED_KEYS);
}

fn ids(state: Option<Value>) -> BTreeSet<String> {
    match state {
        Some(Value::Object(map)) => map
            .into_iter()
            .filter(|(_, done)| done == &Value::Bool(true))
            .map(|(id, _)| id)
            .collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_existing_workers_map_is_read_and_anything_else_is_nothing() {
        let read = |state| ids(state).into_iter().collect::<Vec<_>>();
        assert_eq!(
            read(Some(json!({"key_b": true, "key_a": true, "key_c": false}))),
            ["key_a", "key_b"]
        );
        for nothing in [
            None,
            Some(json!(null)),
            Some(json!(["key_a"])),
            Some(json!({})),
        ] {
            assert!(read(nothing).is_empty());
        }
    }

    #[test]
    fn progress_never_goes_back() {
        let mut progress = Progress {
            begun: 1,
            refilled: 0,
            small: false,
            ranges: vec![Range { after: 0, to: 10 }, Range { after: 10, to: 20 }],
        };
        progress.reached(0, 10, 4);
        progress.reached(1, 15, 3);
        progress.reached(1, 12, 1);
        progress.drop_done();
        assert_eq!(progress.refilled, 8);
        assert_eq!(progress.ranges, [Range { after: 15, to: 20 }]);
    }
}
