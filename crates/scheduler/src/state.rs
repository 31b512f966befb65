//! The object state `job`: the settings, where the schedule is, the run that is on its way and the one that ended last.
//! Small, and of fixed size: a cursor over the windows, no list of them. Not for deciding (see `plan`).

use durable::Stop;
use messages::hydra::v1::JobRun;
use restate_sdk::context::{ContextReadState, ObjectContext, SharedObjectContext};
use restate_sdk::serde::Json;
use serde::{Deserialize, Serialize};

/// Key of the state.
pub(crate) const JOB: &str = "job";

/// The form in which it is written; a later one reads this.
const VERSION: u32 = 1;

/// Longest text of a failure that is kept, characters.
const LONGEST_ERROR: usize = 500;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Succeeded,
    Failed,
    Cancelled,
    /// Nobody has heard of it within its limit.
    Lost,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Cancelled, Self::Lost];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.as_str() == text)
    }
}

/// One run. Times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) window: String,
    pub(crate) window_at: i64,
    /// Runs the month before the window's.
    #[serde(default)]
    pub(crate) closing: bool,
    #[serde(default)]
    pub(crate) by_hand: bool,
    pub(crate) started_at: i64,
    /// It counts as lost from then on.
    pub(crate) deadline: i64,
    #[serde(default)]
    pub(crate) finished_at: Option<i64>,
    #[serde(default)]
    pub(crate) outcome: Option<Outcome>,
    #[serde(default)]
    pub(crate) items: i64,
    #[serde(default)]
    pub(crate) error: String,
}

impl Run {
    /// The run as a message.
    pub(crate) fn message(&self) -> JobRun {
        JobRun {
            id: self.id.clone(),
            window: self.window.clone(),
            window_at_ms: self.window_at,
            by_hand: self.by_hand,
            started_at_ms: self.started_at,
            finished_at_ms: self.finished_at.unwrap_or(0),
            outcome: self.outcome.map_or("", Outcome::as_str).to_owned(),
            items: self.items,
            error: self.error.clone(),
        }
    }

    /// Takes over how a run ended. A message without a known outcome is a failure.
    pub(crate) fn ended(mut self, how: &JobRun, now: i64) -> Self {
        self.outcome = Some(Outcome::of(&how.outcome).unwrap_or(Outcome::Failed));
        self.items = how.items;
        self.error = how.error.chars().take(LONGEST_ERROR).collect();
        self.finished_at = Some(now);
        self
    }
}

/// Everything the object knows. Times are epoch milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) v: u32,
    pub(crate) enabled: bool,
    pub(crate) off_because: String,
    pub(crate) paused: bool,
    /// When the schedule was turned on.
    pub(crate) armed_at: Option<i64>,
    /// The last window that is done with: run, skipped or given up.
    pub(crate) done_until: Option<i64>,
    /// The last month that was closed.
    pub(crate) closed: String,
    /// Token of the one timer that may act, …
    pub(crate) nonce: Option<String>,
    /// … and when it is due.
    pub(crate) timer_at: Option<i64>,
    /// When the next run is due.
    pub(crate) next_at: Option<i64>,
    pub(crate) running: Option<Run>,
    pub(crate) last: Option<Run>,
    pub(crate) last_success_at: Option<i64>,
    /// Failures since the last success.
    pub(crate) failures: u32,
    /// Failed tries of the window that is due.
    pub(crate) attempt: u32,
    /// When that window is tried again.
    pub(crate) retry_at: Option<i64>,
}

impl State {
    /// Ready to be stored.
    pub(crate) fn stored(mut self) -> Json<Self> {
        self.v = VERSION;
        Json(self)
    }
}

/// Reads the state; absent on the first call.
pub(crate) async fn read(ctx: &ObjectContext<'_>) -> Result<Option<State>, Stop> {
    let stored = ctx.get::<Json<State>>(JOB).await?;
    Ok(stored.map(Json::into_inner))
}

/// Reads the state in a handler that cannot write it.
pub(crate) async fn read_shared(ctx: &SharedObjectContext<'_>) -> Result<State, Stop> {
    let stored = ctx.get::<Json<State>>(JOB).await?;
    Ok(stored.map(Json::into_inner).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_this_version_wrote_and_what_a_later_one_adds_is_read() {
        let run = json!({"id": "r", "window": "2026-01-01", "window_at": 1, "started_at": 2, "deadline": 3, "later": []});
        let state: State = serde_json::from_value(
            json!({"v": 1, "enabled": true, "done_until": 5, "running": run, "also_later": 1}),
        )
        .expect("a tolerant reader");
        assert!(state.enabled && !state.paused);
        assert_eq!(state.running.expect("a run").outcome, None);
        let text = serde_json::to_value(State::default().stored().into_inner()).expect("JSON");
        assert_eq!(text["v"], 1);
    }

    #[test]
    fn an_outcome_nobody_knows_is_a_failure_and_texts_are_cut() {
        let run = Run {
            id: "r".into(),
            window: "w".into(),
            window_at: 0,
            closing: false,
            by_hand: false,
            started_at: 0,
            deadline: 9,
            finished_at: None,
            outcome: None,
            items: 0,
            error: String::new(),
        };
        let how = JobRun {
            outcome: "great".to_owned(),
            error: "ü".repeat(2 * LONGEST_ERROR),
            ..JobRun::default()
        };
        let ended = run.ended(&how, 7);
        assert_eq!(
            (ended.outcome, ended.finished_at),
            (Some(Outcome::Failed), Some(7))
        );
        assert_eq!(ended.error.chars().count(), LONGEST_ERROR);
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::of(outcome.as_str()), Some(outcome));
        }
    }
}
