//! Every waiting time of this service in one place. Production values are the defaults; tests scale them.

use std::time::Duration;

/// Waiting times of DeployService, its readiness watcher and its reconciler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings {
    /// From the first look at the instances until the deployment fails for want of healthy regions.
    pub ready_timeout: Duration,
    /// From a demotion until the demoted deployment goes to standby.
    pub standby_delay: Duration,
    /// How long promote, rollback and wake wait for a sleeping deployment.
    pub wake_timeout: Duration,
    /// A preview without requests for this long goes to standby.
    pub idle_window: Duration,
    /// A `pending` row this old that no invocation will take is failed.
    pub pending_timeout: Duration,
    /// Budget of the steps before and after the wait; only the reconciler looks at it.
    pub step_budget: Duration,
    /// How long a build may wait for its turn.
    pub build_wait: Duration,
    /// How long one build may take; only the reconciler looks at it, crate `build` ends it.
    pub build_timeout: Duration,
    /// How far past its deadline a run must be before the reconciler ends it.
    pub reconcile_grace: Duration,
    /// Pause between two passes of the reconciler.
    pub reconcile_interval: Duration,
    /// Pause of the readiness watcher right after a deployment began to wait.
    pub watch_first: Duration,
    /// Pause between two looks of the readiness watcher while few wait and none of them has just begun.
    pub watch_min: Duration,
    /// Longest pause, at `watch_full` waiting deployments and more.
    pub watch_max: Duration,
    /// Number of waiting deployments at which the pause is the longest.
    pub watch_full: usize,
    /// A waiter that was told but does not go on is told again after this.
    pub watch_resend: Duration,
    /// From the end of a cancelled invocation until GitHub is told: whoever cancelled it writes why meanwhile.
    pub report_after_cancel: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            ready_timeout: Duration::from_secs(15 * 60),
            standby_delay: Duration::from_secs(30 * 60),
            wake_timeout: Duration::from_secs(2 * 60),
            idle_window: Duration::from_secs(6 * 60 * 60),
            pending_timeout: Duration::from_secs(10 * 60),
            step_budget: Duration::from_secs(20 * 60),
            build_wait: Duration::from_secs(60 * 60),
            build_timeout: Duration::from_secs(30 * 60),
            reconcile_grace: Duration::from_secs(2 * 60),
            reconcile_interval: Duration::from_secs(10),
            watch_first: Duration::from_millis(10),
            watch_min: Duration::from_millis(50),
            watch_max: Duration::from_secs(1),
            watch_full: 5_000,
            watch_resend: Duration::from_secs(5),
            report_after_cancel: Duration::from_secs(2),
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
        let minutes = |d: Duration| d.as_secs() / 60;
        assert_eq!(
            [
                t.ready_timeout,
                t.standby_delay,
                t.wake_timeout,
                t.idle_window,
                t.pending_timeout,
                t.reconcile_grace
            ]
            .map(minutes),
            [15, 30, 2, 360, 10, 2]
        );
        assert_eq!(millis(t.standby_delay), 1_800_000);
        assert_eq!(
            (t.reconcile_interval.as_secs(), t.watch_resend.as_secs()),
            (10, 5)
        );
    }
}
