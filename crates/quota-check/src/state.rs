//! Object state: who was told when, in the form of the existing worker, and where a run is that Slack held up.
//!
//! `notified_workspaces` is the existing worker's map, workspace id → epoch seconds. It grows with the workspaces over
//! their quota, so it is not written after each message: `notified_now` takes the latest ones until they are folded in.

use crate::run_check::Counts;
use durable::Stop;
use restate_sdk::context::{ContextReadState, ContextWriteState, ObjectContext};
use restate_sdk::serde::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

const NOTIFIED: &str = "notified_workspaces";
const NOW: &str = "notified_now";
const HELD_UP: &str = "held_up";
/// Latest ones that are folded in.
const FOLD: usize = 100;

/// Who was told when.
#[derive(Debug, Default)]
pub(crate) struct Notified {
    told: BTreeMap<String, i64>,
    latest: BTreeMap<String, i64>,
    changed: bool,
}

/// A run that goes on later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeldUp {
    /// The last workspace that is done with.
    pub(crate) after: String,
    /// What was counted so far.
    pub(crate) counts: Counts,
}

impl Notified {
    pub(crate) async fn read(ctx: &ObjectContext<'_>) -> Result<Self, Stop> {
        let told = ctx.get::<Json<Value>>(NOTIFIED).await?;
        let latest = ctx.get::<Json<Value>>(NOW).await?;
        Ok(Self {
            told: times(told.map(Json::into_inner)),
            latest: times(latest.map(Json::into_inner)),
            changed: false,
        })
    }

    pub(crate) fn last(&self, id: &str) -> Option<i64> {
        self.latest.get(id).or_else(|| self.told.get(id)).copied()
    }

    /// Everybody who was told, for the question who is below the quota by now.
    pub(crate) fn all(&self) -> BTreeMap<String, i64> {
        let mut all = self.told.clone();
        all.extend(self.latest.clone());
        all
    }

    /// Remembers a message at once.
    pub(crate) fn tell(&mut self, ctx: &ObjectContext<'_>, id: &str, at: i64) {
        self.latest.insert(id.to_owned(), at);
        if self.latest.len() < FOLD {
            ctx.set(NOW, Json(self.latest.clone()));
        } else {
            self.fold(ctx);
        }
    }

    /// The quota was raised: when that one is used up too, it is news.
    pub(crate) fn forget(&mut self, id: &str) {
        let forgotten = (self.told.remove(id), self.latest.remove(id));
        self.changed |= forgotten != (None, None);
    }

    /// Leaves the state as the existing worker would.
    pub(crate) fn fold(&mut self, ctx: &ObjectContext<'_>) {
        if self.latest.is_empty() && !self.changed {
            return;
        }
        self.told.append(&mut self.latest);
        self.changed = false;
        ctx.set(NOTIFIED, Json(self.told.clone()));
        ctx.clear(NOW);
    }
}

pub(crate) async fn held_up(ctx: &ObjectContext<'_>) -> Result<Option<HeldUp>, Stop> {
    Ok(ctx
        .get::<Json<HeldUp>>(HELD_UP)
        .await?
        .map(Json::into_inner))
}

pub(crate) fn hold_up(ctx: &ObjectContext<'_>, state: HeldUp) {
    ctx.set(HELD_UP, Json(state));
}

pub(crate) fn go_on(ctx: &ObjectContext<'_>) {
    ctx.clear(HELD_UP);
}

/// Whatever else is in the map is nobody's time.
fn times(state: Option<Value>) -> BTreeMap<String, i64> {
    match state {
        Some(Value::Object(map)) => map
            .into_iter()
            .filter_map(|(id, at)| at.as_i64().map(|at| (id, at)))
            .collect(),
        _ => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_existing_workers_map_is_read_and_anything_else_is_nothing() {
        let read = times(Some(json!({"ws_1": 1_700_000_000, "ws_2": "yesterday"})));
        assert_eq!(read, BTreeMap::from([("ws_1".to_owned(), 1_700_000_000)]));
        for nothing in [None, Some(json!(null)), Some(json!([1]))] {
            assert!(times(nothing).is_empty());
        }
    }

    #[test]
    fn the_latest_time_counts_and_what_is_forgotten_is_gone() {
        let mut notified = Notified {
            told: BTreeMap::from([("ws_1".to_owned(), 1), ("ws_2".to_owned(), 2)]),
            latest: BTreeMap::from([("ws_1".to_owned(), 9)]),
            changed: false,
        };
        assert_eq!(notified.last("ws_1"), Some(9));
        assert_eq!(notified.all()["ws_1"], 9);
        notified.forget("ws_3");
        assert!(!notified.changed);
        notified.forget("ws_1");
        assert_eq!(
            (notified.last("ws_1"), notified.last("ws_2")),
            (None, Some(2))
        );
        assert!(notified.changed);
    }
}
