//! Every waiting time of this service in one place. Production values are the defaults; tests scale them.

use std::time::Duration;

/// Waiting times of CustomDomainService and its sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings {
    /// From one check to the next.
    pub check_interval: Duration,
    /// From the start of a verification until it fails.
    pub window: Duration,
    /// How long a row may be missing: a control API sends before its transaction is visible.
    pub row_grace: Duration,
    /// From one look for a missing row to the next.
    pub row_interval: Duration,
    /// From success to the look whether it stands: a control API resets the row after it has sent.
    pub confirm_delay: Duration,
    /// Pause between two sweeps for rows that nobody checks.
    pub sweep_interval: Duration,
    /// How long a row in work must have been silent before the sweep asks after it.
    pub sweep_after: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            check_interval: Duration::from_secs(60),
            window: Duration::from_secs(24 * 60 * 60),
            row_grace: Duration::from_secs(2 * 60),
            row_interval: Duration::from_secs(5),
            confirm_delay: Duration::from_secs(10),
            sweep_interval: Duration::from_secs(60),
            sweep_after: Duration::from_secs(10 * 60),
        }
    }
}

/// Whole milliseconds of a duration, for columns and messages.
pub(crate) fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_values_are_those_of_the_contract() {
        let t = Timings::default();
        assert_eq!(millis(t.check_interval), 60_000);
        assert_eq!(millis(t.window), 86_400_000);
        assert_eq!(millis(t.row_grace), 120_000);
        assert_eq!(millis(t.sweep_after), 600_000);
        // A row that is being checked is never silent for as long as the sweep waits.
        assert!(t.sweep_after > 2 * t.check_interval);
        // A control API's reset comes within moments of its send.
        assert!(t.confirm_delay < t.check_interval);
    }
}
