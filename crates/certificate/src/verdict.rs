//! What follows from a failure: wait, try again, give up for now and for how long. Pure.
//!
//! Not for reading problems: the adapters classify.

use crate::timings::Timings;
use acme::{Problem, Remedy};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longest reason kept for people, characters.
const REASON: usize = 400;

/// Who can mend a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// The name could not be proven.
    Proof,
    /// The authority, the Vault or a name server does not work.
    Outage,
    /// The customer: CAA, the name itself.
    Customer,
    /// The operator: settings, credentials, terms.
    Operator,
    /// Us.
    Bug,
}

impl Cause {
    /// Value of the metric label `cause` and of `ctrl_worker_renewals.reason`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Proof => "proof",
            Self::Outage => "outage",
            Self::Customer => "customer",
            Self::Operator => "operator",
            Self::Bug => "bug",
        }
    }
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// For people; no secret in it.
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(cause: Cause, text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self {
            cause,
            text: text.chars().take(REASON).collect(),
        }
    }

    /// What a problem amounts to that nothing else could be done about.
    pub(crate) fn of(problem: &Problem) -> Self {
        let cause = match problem.remedy() {
            Remedy::Slowly | Remedy::NewOrder | Remedy::Look => Cause::Proof,
            Remedy::Wait { .. } | Remedy::Soon => Cause::Outage,
            Remedy::Customer => Cause::Customer,
            Remedy::Operator | Remedy::Register => Cause::Operator,
            Remedy::DropReplaces | Remedy::Bug => Cause::Bug,
        };
        Self::new(cause, problem.to_string())
    }
}

/// How long until the next attempt after so many failed ones (at least one).
pub(crate) fn pause(cause: Cause, failures: i32, timings: &Timings) -> Duration {
    match cause {
        Cause::Customer | Cause::Operator | Cause::Bug => timings.daily,
        Cause::Proof | Cause::Outage => {
            let place = usize::try_from(failures.max(1) - 1).unwrap_or(0);
            let last = timings.backoff.len().saturating_sub(1);
            timings
                .backoff
                .get(place.min(last))
                .copied()
                .unwrap_or(timings.daily)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_cannot_be_proven_is_tried_ever_more_slowly_and_for_ever() {
        let t = Timings::default();
        let minutes: Vec<u64> = (1..=6)
            .map(|n| pause(Cause::Proof, n, &t).as_secs() / 60)
            .collect();
        assert_eq!(minutes, [15, 60, 360, 1440, 1440, 1440]);
        for cause in [Cause::Customer, Cause::Operator, Cause::Bug] {
            assert_eq!(pause(cause, 1, &t), t.daily);
        }
    }

    #[test]
    fn a_reason_is_cut() {
        let failure = Failure::new(Cause::Proof, "ü".repeat(1000));
        assert_eq!(failure.text.chars().count(), REASON);
    }
}
