//! The object state of a name whose certificate takes longer than one invocation, and how a message that arrives in
//! between is told from the one that goes on. Pure.
//!
//! Not for what an order needs next: see `issue`.

use crate::timings::{Timings, duration, millis};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Key of the state.
pub(crate) const ROUND: &str = "round";

/// An issuance under way. Holds no secret: of the private key there is only the Vault's ciphertext.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Round {
    /// Whose issuance: another domain of the same name begins anew.
    pub(crate) domain_id: String,
    /// The order to go on with; none while a rate limit keeps it from being made.
    pub(crate) order_url: Option<String>,
    /// When the next message to ourselves is due, epoch ms; 0 = none is on its way.
    pub(crate) until: i64,
    /// Before this instant the authority is asked nothing, epoch ms.
    pub(crate) not_before: i64,
    /// How often the invocation has ended to go on later.
    pub(crate) round: u32,
    /// The DNS record that is published.
    pub(crate) record: Option<Record>,
    /// Whether the authority has been told that the challenge is published.
    pub(crate) ready: bool,
    /// The Vault's ciphertext of the certificate's private key.
    pub(crate) key: Option<String>,
}

/// A published TXT value and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) zone_id: String,
    pub(crate) zone_name: String,
    pub(crate) name: String,
    pub(crate) value: String,
    /// The change to ask about; none once it is everywhere, or when the value was there before.
    pub(crate) change: Option<String>,
    /// Whether every server has been seen to have it.
    pub(crate) seen: bool,
}

/// What to do with a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Go on.
    Go,
    /// Another message will go on.
    Waiting,
    /// This one came a little too early: send it once more.
    Again(Duration),
    /// Still too early for the authority: another round, without asking it anything.
    Round,
    /// Too early, and no message is on its way: the sweep goes on.
    Limited,
}

impl Round {
    /// What a message that arrives now means.
    pub(crate) fn arrival(&self, now: i64, timings: &Timings) -> Arrival {
        let ahead = self.until.saturating_sub(now);
        if ahead > millis(timings.early) {
            Arrival::Waiting
        } else if ahead > 0 {
            Arrival::Again(duration(ahead))
        } else if self.not_before > now {
            if self.until == 0 {
                Arrival::Limited
            } else {
                Arrival::Round
            }
        } else {
            Arrival::Go
        }
    }

    /// Whether there is an order to go on with, or a message on its way that goes on.
    pub(crate) fn is_under_way(&self) -> bool {
        self.order_url.is_some() || self.until > 0
    }

    /// The next round, which begins at `wanted` or after the longest delay; none when there were too many.
    pub(crate) fn next(mut self, now: i64, wanted: i64, timings: &Timings) -> Option<Self> {
        if self.round >= timings.most_rounds {
            return None;
        }
        self.round += 1;
        self.until = wanted.clamp(now + 1, now.saturating_add(millis(timings.longest_delay)));
        Some(self)
    }

    /// How long a round that waits for somebody else's work takes.
    pub(crate) fn poll_delay(&self, timings: &Timings) -> Duration {
        let doubled = timings.first_poll * 2_u32.saturating_pow(self.round.min(16));
        doubled.min(timings.longest_poll)
    }

    /// The same order for a later attempt, whose challenge has to be published again.
    pub(crate) fn set_aside(self) -> Self {
        Self {
            domain_id: self.domain_id,
            order_url: self.order_url,
            not_before: self.not_before,
            key: self.key,
            ..Self::default()
        }
    }
}

/// The first instant at which an authority that named `until` may be asked again.
pub(crate) fn after_limit(now: i64, until: Option<i64>, timings: &Timings) -> i64 {
    match until {
        Some(until) => until.max(now).saturating_add(millis(timings.limit_margin)),
        None => now.saturating_add(millis(timings.limit_unknown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_message_in_between_does_not_go_on() {
        let round = Round {
            until: 1_000_000,
            ..Round::default()
        };
        let t = Timings::default();
        assert_eq!(round.arrival(900_000, &t), Arrival::Waiting);
        assert_eq!(round.arrival(1_000_000, &t), Arrival::Go);
        let early = Arrival::Again(Duration::from_millis(3_000));
        assert_eq!(round.arrival(997_000, &t), early);
        assert_eq!(Round::default().arrival(0, &t), Arrival::Go);
        // an attempt that has ended keeps the authority's word
        let limited = Round {
            not_before: 5_000,
            ..round
        };
        assert_eq!(limited.set_aside().arrival(1, &t), Arrival::Limited);
    }

    #[test]
    fn a_limit_of_ten_minutes_is_waited_out_with_a_minute_more() {
        let t = Timings::default();
        assert_eq!(after_limit(0, Some(600_000), &t), 660_000);
        // an instant that has passed still costs a minute
        assert_eq!(after_limit(5_000, Some(0), &t), 65_000);
        assert_eq!(after_limit(0, None, &t), 900_000);
    }

    proptest! {
        /// However long a limit is: no request before its end, no delay above two hours, and an end.
        #[test]
        fn a_limit_is_kept_in_bounded_rounds(hours in 0i64..40, clock in 0i64..1_000_000_000_000) {
            let t = Timings::default();
            let not_before = after_limit(clock, Some(clock + hours * HOUR), &t);
            let mut now = clock;
            let mut round = Round { not_before, ..Round::default() };
            let mut rounds = 0;
            while let Some(next) = round.clone().next(now, not_before, &t) {
                rounds += 1;
                prop_assert!(next.until > now && next.until - now <= 2 * HOUR);
                now = next.until;
                round = next;
                match round.arrival(now, &t) {
                    Arrival::Go => { prop_assert!(now >= not_before); return Ok(()); }
                    Arrival::Round => prop_assert!(now < not_before),
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            prop_assert_eq!(rounds, t.most_rounds);
        }
    }
}
