//! The object state `verification`: the window whose checks may act.
//!
//! Not what the row says; that is read afresh by every check.

use durable::Stop;
use restate_sdk::context::{ContextReadState, ContextWriteState, ObjectContext};
use restate_sdk::serde::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

use crate::timings::millis;

/// Key of the state.
const STATE: &str = "verification";

/// One verification, from its start to its success or end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    /// Token of the checks that may act.
    pub(crate) nonce: String,
    /// Epoch milliseconds.
    pub(crate) started_at_ms: i64,
    /// Checks made so far.
    pub(crate) attempt: i32,
    /// The invocation that opened it: what a control API writes to the row after it has sent.
    #[serde(default)]
    pub(crate) opened_by: String,
    /// It has succeeded once; the check to come only sees that it stands.
    #[serde(default)]
    pub(crate) confirming: bool,
}

impl Window {
    /// Whether its time is over.
    pub(crate) fn is_over(&self, now: i64, length: Duration) -> bool {
        now.saturating_sub(self.started_at_ms) > millis(length)
    }
}

/// Starts a new window; checks of any earlier one find a foreign nonce.
pub(crate) async fn open(
    ctx: &ObjectContext<'_>,
    nonce: String,
    invocation: &str,
) -> Result<Window, Stop> {
    let window = Window {
        nonce,
        started_at_ms: durable::now!(ctx)?,
        attempt: 0,
        opened_by: invocation.to_owned(),
        confirming: false,
    };
    keep(ctx, &window);
    Ok(window)
}

/// Writes it.
pub(crate) fn keep(ctx: &ObjectContext<'_>, window: &Window) {
    ctx.set(STATE, Json(window.clone()));
}

/// Forgets it: no check acts any more.
pub(crate) fn close(ctx: &ObjectContext<'_>) {
    ctx.clear(STATE);
}

/// The open window. Absent, `null` and a value of another form are the same: there is none.
pub(crate) async fn current(ctx: &ObjectContext<'_>) -> Result<Option<Window>, Stop> {
    let stored = ctx.get::<Json<Value>>(STATE).await?;
    Ok(stored.and_then(|Json(value)| serde_json::from_value(value).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_window_counts_from_its_own_start() {
        let window: Window =
            serde_json::from_value(json!({"nonce": "n", "started_at_ms": 1_000, "attempt": 3}))
                .expect("the rest may be missing");
        let hour = Duration::from_secs(3_600);
        assert!(!window.is_over(1_000 + 3_600_000, hour));
        assert!(window.is_over(1_001 + 3_600_000, hour));
        assert!(!window.is_over(0, hour), "a clock set back ends nothing");
    }
}
