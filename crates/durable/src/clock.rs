//! Time in durable code: the wall clock only as a journaled value, the monotonic clock only for measuring.

use std::time::Instant;

/// For measuring how long something took; never for a decision.
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

/// The time of the first execution, epoch milliseconds, journaled: `durable::now!(ctx)` gives `Result<i64, Stop>`.
#[macro_export]
macro_rules! now {
    ($ctx:expr) => {
        $crate::run!($ctx, "clock", $crate::Preset::Hint, async {
            Ok::<i64, $crate::Stop>($crate::clock::wall_ms())
        })
    };
}

/// Wall clock, epoch milliseconds; call it inside a step only.
pub fn wall_ms() -> i64 {
    mysql::now_ms()
}
