//! Every waiting time of the deletes in one place. Production values are the defaults; tests scale them.

use std::time::Duration;

/// Waiting times of ProjectService, AppService and EnvironmentService.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// Pause after the first round; each further pause is twice as long.
    pub first_pause: Duration,
    /// Longest pause between two rounds.
    pub longest_pause: Duration,
    /// How long a stopped workload's row stays at least, so that every edge agent has seen the change.
    pub settle: Duration,
    /// After this a stopped workload's row goes even if its instances are still reported.
    pub gone_after: Duration,
    /// When a deleted thing is looked at once more, for rows that a request in flight wrote after it was gone.
    pub aftercare: Duration,
    /// When a round whose steps ran out of retries is tried again.
    pub again_after: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(15),
            settle: Duration::from_secs(10),
            gone_after: Duration::from_secs(5 * 60),
            aftercare: Duration::from_secs(60),
            again_after: Duration::from_secs(60),
        }
    }
}

impl Timings {
    /// The pause after round `round` (0 is the first): doubled each time, up to the longest.
    pub fn pause(&self, round: u32) -> Duration {
        self.first_pause
            .saturating_mul(1 << round.min(16))
            .min(self.longest_pause)
    }

    /// Whole milliseconds of a duration, for comparing with columns.
    pub fn millis(d: Duration) -> i64 {
        i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn production_values() {
        let t = Timings::default();
        assert_eq!(
            t.gone_after,
            Duration::from_secs(300),
            "the invariant P3 says five minutes"
        );
        assert_eq!(
            [
                t.first_pause,
                t.longest_pause,
                t.settle,
                t.aftercare,
                t.again_after
            ]
            .map(|d| d.as_secs()),
            [1, 15, 10, 60, 60]
        );
    }

    proptest! {
        #[test]
        fn pauses_grow_and_end(round in 0u32..100_000) {
            let t = Timings::default();
            prop_assert!(t.pause(round) >= t.first_pause);
            prop_assert!(t.pause(round) <= t.pause(round + 1));
            prop_assert!(t.pause(round + 1) <= t.longest_pause);
        }
    }
}
