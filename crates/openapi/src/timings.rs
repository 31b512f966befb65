//! Every waiting time and limit of the scrape in one place. Production values are the defaults; tests scale them.

use restate_sdk::context::RunRetryPolicy;
use std::time::Duration;

/// Times and sizes of OpenapiService.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// Pause before the second attempt to fetch; each further one is twice as long.
    pub first_pause: Duration,
    /// Longest pause between two attempts.
    pub longest_pause: Duration,
    /// Attempts in all.
    pub attempts: u32,
    /// One request, from connecting to the end of its body.
    pub request: Duration,
    /// Largest document, in bytes.
    pub max_bytes: usize,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(60),
            longest_pause: Duration::from_secs(10 * 60),
            attempts: 10,
            request: Duration::from_secs(30),
            max_bytes: 5 << 20,
        }
    }
}

impl Timings {
    /// The retry policy of the step that fetches: the app may need a while before it serves its document.
    pub(crate) fn policy(&self) -> RunRetryPolicy {
        RunRetryPolicy::new()
            .initial_delay(self.first_pause)
            .exponentiation_factor(2.0)
            .max_delay(self.longest_pause)
            .max_attempts(self.attempts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_values_are_those_of_the_contract() {
        let t = Timings::default();
        assert_eq!(
            [t.first_pause, t.longest_pause, t.request].map(|d| d.as_secs()),
            [60, 600, 30]
        );
        assert_eq!((t.attempts, t.max_bytes), (10, 5_242_880));
    }
}
