//! The object state `transition`: which scheduled change may still act.
//!
//! The form is the one of the existing worker, `{"Nonce":"…","To":2}`, with fields added: either worker reads what
//! the other wrote. Not the authority on the target state, which travels in the message.

use durable::Stop;
use restate_sdk::context::{ContextReadState, ObjectContext};
use restate_sdk::serde::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Key of the state.
pub(crate) const TRANSITION: &str = "transition";

/// The newest schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transition {
    /// Token of the one message that may act.
    #[serde(rename = "Nonce")]
    pub(crate) nonce: String,
    /// Number of the target state; for people, the message carries its own.
    #[serde(rename = "To", default)]
    pub(crate) to: i32,
    /// When the message is due, epoch milliseconds. The existing worker neither writes nor reads it.
    #[serde(rename = "DueAtMs", default, skip_serializing_if = "Option::is_none")]
    pub(crate) due_at_ms: Option<i64>,
    /// Why, where somebody said so; kept for people.
    #[serde(rename = "Reason", default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Reads the schedule. Absent, `null` and a value of another form are the same: nothing is scheduled.
pub(crate) async fn read(ctx: &ObjectContext<'_>) -> Result<Option<Transition>, Stop> {
    let stored = ctx.get::<Json<Value>>(TRANSITION).await?;
    Ok(stored.and_then(|Json(value)| parse(value)))
}

fn parse(value: Value) -> Option<Transition> {
    serde_json::from_value(value).ok()
}

/// Whether a message with this nonce may still act.
pub(crate) fn may_act(stored: Option<&Transition>, nonce: &str) -> bool {
    stored.is_some_and(|transition| transition.nonce == nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_form_of_the_existing_worker_is_read_and_written() {
        let old = parse(json!({"Nonce": "n", "To": 2})).expect("two fields suffice");
        assert_eq!(
            old,
            Transition {
                nonce: "n".into(),
                to: 2,
                due_at_ms: None,
                reason: None
            }
        );
        assert_eq!(
            serde_json::to_value(&old).ok(),
            Some(json!({"Nonce": "n", "To": 2}))
        );
        let new =
            parse(json!({"Nonce": "n", "To": 2, "DueAtMs": 7, "Reason": "idle", "Later": []}))
                .expect("a tolerant reader");
        assert_eq!(
            (new.due_at_ms, new.reason.as_deref()),
            (Some(7), Some("idle"))
        );
    }

    #[test]
    fn nothing_is_scheduled_by_an_absent_null_or_foreign_value() {
        for value in [json!(null), json!(7), json!({"To": 2}), json!("x")] {
            assert_eq!(parse(value), None);
        }
        assert!(!may_act(None, ""));
    }

    #[test]
    fn only_the_newest_nonce_may_act() {
        let stored = Transition {
            nonce: "new".into(),
            to: 2,
            due_at_ms: None,
            reason: None,
        };
        assert!(may_act(Some(&stored), "new"));
        assert!(!may_act(Some(&stored), "old"));
    }
}
