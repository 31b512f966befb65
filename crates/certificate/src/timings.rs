//! Every waiting time of this service in one place. Production values are the defaults; tests scale them.

use restate_sdk::context::RunRetryPolicy;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Waiting times of CertificateService.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings {
    /// First pause of a step whose authority or name server failed; doubled, five tries in all.
    pub first_retry: Duration,
    /// Pauses between looks at an order within one invocation; whatever takes longer goes on in a round.
    pub looks: Vec<Duration>,
    /// First delay of a round that waits for an order or for name servers; doubled up to `longest_poll`.
    pub first_poll: Duration,
    /// Longest of these delays.
    pub longest_poll: Duration,
    /// Rounds of one order; then the attempt has failed.
    pub most_rounds: u32,
    /// Added to the instant an authority names in a rate limit.
    pub limit_margin: Duration,
    /// Rate limit without an instant.
    pub limit_unknown: Duration,
    /// Longest delay of one round.
    pub longest_delay: Duration,
    /// A message to oneself that comes this much too early is sent once more instead of being taken for a stranger's.
    pub early: Duration,
    /// Pauses after the first, second, … failed attempt; the last one stays.
    pub backoff: Vec<Duration>,
    /// Pause after a failure that only a customer or an operator can mend.
    pub daily: Duration,
    /// Failures with a pause up to this long are tried again by a delayed message; longer ones by the sweep.
    pub own_retry: Duration,
    /// After a refused proof, no other attempt for the name before this.
    pub proof_gap: Duration,
    /// A challenge that is `pending` this long is taken up by the sweep.
    pub stuck: Duration,
    /// Between the starts of two renewals of one sweep.
    pub spread: Duration,
    /// When an authority that could not be asked for a window is asked again.
    pub window_retry: Duration,
    /// Between two passes of the bootstrap of platform names.
    pub bootstrap: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            first_retry: 30 * SECOND,
            looks: [250, 500, 1_000, 2_000, 2_000]
                .map(Duration::from_millis)
                .to_vec(),
            first_poll: 5 * SECOND,
            longest_poll: 10 * MINUTE,
            most_rounds: 24,
            limit_margin: MINUTE,
            limit_unknown: 15 * MINUTE,
            longest_delay: 2 * HOUR,
            early: 5 * SECOND,
            backoff: vec![15 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR],
            daily: 24 * HOUR,
            own_retry: 6 * HOUR,
            proof_gap: 15 * MINUTE,
            stuck: HOUR,
            spread: Duration::from_millis(100),
            window_retry: 6 * HOUR,
            bootstrap: 10 * MINUTE,
        }
    }
}

/// How steps that reach an authority or a name server are tried: five times, the pause doubled each time, and then the
/// attempt has failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tries(pub(crate) Duration);

impl Tries {
    pub(crate) fn policy(self) -> RunRetryPolicy {
        RunRetryPolicy::new()
            .initial_delay(self.0)
            .exponentiation_factor(2.0)
            .max_delay(self.0 * 10)
            .max_attempts(5)
    }
}

/// A hint that is tried three times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thrice;

impl Thrice {
    pub(crate) fn policy(self) -> RunRetryPolicy {
        RunRetryPolicy::new()
            .initial_delay(Duration::from_millis(200))
            .exponentiation_factor(4.0)
            .max_delay(5 * SECOND)
            .max_attempts(3)
    }
}

/// Whole milliseconds of a duration, for columns.
pub(crate) fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}

/// A duration of so many milliseconds; none below zero.
pub(crate) fn duration(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_values_are_those_of_the_contract() {
        let t = Timings::default();
        assert_eq!(t.first_retry, 30 * SECOND);
        assert_eq!((t.limit_margin, t.longest_delay), (MINUTE, 2 * HOUR));
        assert_eq!((t.stuck, t.spread), (HOUR, Duration::from_millis(100)));
        assert_eq!(t.proof_gap, 15 * MINUTE, "at most two attempts an hour");
        assert!(t.backoff.iter().all(|b| *b >= t.proof_gap));
        // An exclusive handler does not wait long: callers of the same name queue behind it.
        assert!(t.looks.iter().sum::<Duration>() < 10 * SECOND);
        // An order keeps while the Vault is away for ten minutes.
        let (_, _, vault) = durable::Preset::Database.bounds();
        assert!(vault > 10 * MINUTE);
        // A rate limit of a day and more is waited out within the rounds.
        assert!(t.longest_delay * t.most_rounds > 26 * HOUR);
    }
}
