//! The time a schedule is kept by, and every other waiting time of this crate. Production values are the defaults;
//! tests let days pass in seconds. Pure.

use std::time::Duration;

/// Turns the wall clock into the time schedules are kept by: the same, unless a test scales it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// An instant of the wall clock, epoch ms, …
    pub wall_ms: i64,
    /// … and what the schedule's clock shows then.
    pub shows_ms: i64,
    /// How many times faster the schedule's clock runs.
    pub speed: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            wall_ms: 0,
            shows_ms: 0,
            speed: 1,
        }
    }
}

impl Clock {
    /// What this clock shows at an instant of the wall clock.
    pub fn at(&self, wall_ms: i64) -> i64 {
        self.shows_ms.saturating_add(
            wall_ms
                .saturating_sub(self.wall_ms)
                .saturating_mul(self.speed),
        )
    }

    /// How long to wait, by the wall clock, until this clock shows `then`. Never too short.
    pub(crate) fn until(&self, now: i64, then: i64) -> Duration {
        let wait = u64::try_from(then.saturating_sub(now)).unwrap_or(0);
        Duration::from_millis(wait.div_ceil(self.speed.unsigned_abs().max(1)))
    }
}

/// Waiting times of the scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings {
    /// The time schedules are kept by.
    pub clock: Clock,
    /// How often each worker makes sure that every job is armed.
    pub rearm: Duration,
    /// How often the gauges are read from the table.
    pub look: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            rearm: Duration::from_secs(10 * 60),
            look: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_production_the_clock_is_the_wall_clock() {
        let t = Timings::default();
        assert_eq!(t.clock.at(1_769_817_600_123), 1_769_817_600_123);
        assert_eq!(t.clock.until(1_000, 61_000), Duration::from_secs(60));
        assert_eq!(t.clock.until(61_000, 1_000), Duration::ZERO);
        assert_eq!((t.rearm.as_secs(), t.look.as_secs()), (600, 10));
    }

    #[test]
    fn a_scaled_clock_never_wakes_too_early() {
        let clock = Clock {
            wall_ms: 1_000,
            shows_ms: 5_000_000,
            speed: 7,
        };
        assert_eq!(clock.at(1_000), 5_000_000);
        for wait in [1, 6, 7, 8, 1_000] {
            let woken = 1_000
                + i64::try_from(clock.until(5_000_000, 5_000_000 + wait).as_millis())
                    .expect("small");
            assert!(clock.at(woken) >= 5_000_000 + wait, "{wait}");
        }
    }
}
