//! The limits of a call: how long, how often, how large.
//!
//! Not configuration keys: the worker runs with the defaults; tests shorten them.

use std::time::Duration;

/// Limits of every call of one client.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time to open a connection.
    pub connect: Duration,
    /// Time of one attempt of a small call with one item, never more than the call's.
    pub attempt: Duration,
    /// Time of a whole call with one item, attempts and pauses together.
    pub call: Duration,
    /// Added to both for each further item of a bulk call.
    pub per_item: Duration,
    /// Added to an attempt's for each MiB it sends.
    pub per_mebibyte: Duration,
    /// Upper bound of a whole bulk request whatever its size.
    pub longest_call: Duration,
    /// Further attempts after a first one that ended as unavailable, too late or without a connection.
    pub retries: u32,
    /// Longest pause before the first further attempt; doubles each time. The pause is drawn between zero and this.
    pub pause: Duration,
    /// The largest answer that is read, in bytes.
    pub answer_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            attempt: Duration::from_secs(4),
            call: Duration::from_secs(10),
            per_item: Duration::from_millis(20),
            per_mebibyte: Duration::from_secs(1),
            longest_call: Duration::from_secs(30),
            retries: 3,
            pause: Duration::from_millis(200),
            answer_bytes: 32 << 20,
        }
    }
}

impl Options {
    /// Time of a whole call with this many items.
    pub(crate) fn call_limit(&self, items: usize) -> Duration {
        let limit = self.call.saturating_add(self.further(items));
        limit.min(self.longest_call)
    }

    /// Time of one attempt with this many items and bytes: so much that a large text that is served slowly is not
    /// cut off again and again.
    pub(crate) fn attempt_limit(&self, items: usize, bytes: usize) -> Duration {
        let mebibytes = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        let size = self.per_mebibyte.saturating_mul(mebibytes);
        let limit = self.attempt.saturating_add(self.further(items));
        limit.saturating_add(size).min(self.call_limit(items))
    }

    fn further(&self, items: usize) -> Duration {
        let items = u32::try_from(items.saturating_sub(1)).unwrap_or(u32::MAX);
        self.per_item.saturating_mul(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_has_ten_seconds_and_bulk_scales_up_to_a_bound() {
        let options = Options::default();
        assert_eq!(options.call_limit(1), Duration::from_secs(10));
        assert_eq!(options.attempt_limit(1, 1_000), Duration::from_secs(4));
        assert_eq!(options.attempt_limit(1, 3 << 20), Duration::from_secs(7));
        assert_eq!(options.attempt_limit(1, 10 << 20), Duration::from_secs(10));
        assert_eq!(options.attempt_limit(101, 0), Duration::from_secs(6));
        assert_eq!(options.call_limit(101), Duration::from_secs(12));
        assert_eq!(options.call_limit(usize::MAX), Duration::from_secs(30));
        assert_eq!(options.retries, 3);
    }
}
