//! Percentiles of measured times. Not for how they are printed in the table: see `report`.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Times, kept with three significant digits.
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut histogram = Histogram::new(3).expect("three digits are allowed");
        for time in times {
            // Grows by itself; a time beyond 584 000 years cannot happen.
            let _recorded = histogram.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        }
        Self(histogram)
    }

    /// The time that `percent` of all do not exceed.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        Duration::from_micros(self.0.value_at_percentile(percent))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {}, p90 {}, p99 {}",
            ms(self.percentile(50.0)),
            ms(self.percentile(90.0)),
            ms(self.percentile(99.0))
        )
    }
}

/// A time in milliseconds as a person reads it.
pub(crate) fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

/// A long time in seconds.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_times() {
        let times = Times::of((1..=100).map(Duration::from_millis));
        assert_eq!(times.count(), 100);
        assert_eq!(times.to_string(), "p50 50 ms, p90 90 ms, p99 99 ms");
    }
}
