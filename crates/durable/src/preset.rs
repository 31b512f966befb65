//! How long a step is tried before its failure becomes terminal, by the kind of thing it touches.
//!
//! Always name one: without a policy of its own a run counts against the attempts of the whole invocation, and
//! the SDK's default gives up after 50 seconds.

use restate_sdk::context::RunRetryPolicy;
use std::time::Duration;

/// A named, bounded retry policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// A database transaction: outages of minutes are waited for.
    Database,
    /// An undo: waited for longer, because giving up leaves something behind.
    Undo,
    /// A short look that something else repeats anyway.
    Hint,
    /// A step of a job that soon runs again: a longer outage ends the run, and the next one goes on.
    Periodic,
    /// A call of an outside service that asks to be left alone while it fails: outages of minutes are waited for, gently.
    Outside,
    /// A build: minutes long itself, so a builder that is away is waited for longer; what it may take altogether is the
    /// step's own business.
    Build,
}

impl Preset {
    /// First delay, largest delay, total duration.
    pub const fn bounds(self) -> (Duration, Duration, Duration) {
        match self {
            Preset::Database => (
                Duration::from_millis(50),
                Duration::from_secs(5),
                Duration::from_secs(15 * 60),
            ),
            Preset::Undo => (
                Duration::from_millis(50),
                Duration::from_secs(10),
                Duration::from_secs(60 * 60),
            ),
            Preset::Hint => (
                Duration::from_millis(50),
                Duration::from_millis(500),
                Duration::from_secs(5),
            ),
            Preset::Periodic => (
                Duration::from_millis(100),
                Duration::from_secs(5),
                Duration::from_secs(40),
            ),
            Preset::Outside => (
                Duration::from_millis(500),
                Duration::from_secs(30),
                Duration::from_secs(10 * 60),
            ),
            Preset::Build => (
                Duration::from_secs(1),
                Duration::from_secs(30),
                Duration::from_secs(45 * 60),
            ),
        }
    }

    /// The policy for the SDK.
    pub fn policy(self) -> RunRetryPolicy {
        let (initial, max, total) = self.bounds();
        RunRetryPolicy::new()
            .initial_delay(initial)
            .exponentiation_factor(2.0)
            .max_delay(max)
            .max_duration(total)
    }
}

#[cfg(test)]
mod tests {
    use super::Preset;

    #[test]
    fn every_preset_is_bounded_and_backs_off() {
        for preset in [
            Preset::Database,
            Preset::Undo,
            Preset::Hint,
            Preset::Periodic,
            Preset::Outside,
            Preset::Build,
        ] {
            let (initial, max, total) = preset.bounds();
            assert!(initial < max && max < total, "{preset:?}");
        }
    }
}
