//! Scaled waiting times.

use deploy::Timings;
use std::time::Duration;

/// Production waiting times divided, so that order and "not before" can be seen.
pub(crate) fn timings() -> Timings {
    Timings {
        ready_timeout: Duration::from_secs(8),
        standby_delay: Duration::from_secs(3),
        wake_timeout: Duration::from_secs(5),
        idle_window: Duration::from_secs(1),
        pending_timeout: Duration::from_secs(20),
        step_budget: Duration::from_secs(20),
        build_wait: Duration::from_secs(20),
        build_timeout: Duration::from_secs(20),
        reconcile_grace: Duration::from_secs(3),
        reconcile_interval: Duration::from_millis(500),
        watch_first: Duration::from_millis(10),
        watch_min: Duration::from_millis(20),
        watch_max: Duration::from_millis(200),
        watch_full: 100,
        watch_resend: Duration::from_millis(500),
        report_after_cancel: Duration::from_millis(100),
    }
}
