//! What is measured of a call to a builder.

use std::time::Instant;

use crate::{BuildError, Operation};

/// Seconds of each call by operation and outcome: the family that every adapter of the worker shares.
const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";

/// Records how long `call` took and how it ended. One that is dropped half-way counts as cancelled.
pub(crate) fn measured<T>(
    adapter: &'static str,
    operation: Operation,
    call: impl Future<Output = Result<T, BuildError>>,
) -> impl Future<Output = Result<T, BuildError>> {
    // The calls are deep: one that was held here once more would fill a thread's stack in a build without optimisation.
    let call = trace_context::outside(adapter, operation.label(), call);
    watched(adapter, operation, call)
}

async fn watched<T>(
    adapter: &'static str,
    operation: Operation,
    call: impl Future<Output = Result<T, BuildError>>,
) -> Result<T, BuildError> {
    let mut watch = Watch {
        adapter,
        operation,
        outcome: "canceled",
        begun: Instant::now(),
    };
    let result = call.await;
    watch.outcome = result.as_ref().map_or_else(BuildError::label, |_| "ok");
    result
}

struct Watch {
    adapter: &'static str,
    operation: Operation,
    outcome: &'static str,
    begun: Instant,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let labels = [
            ("adapter", self.adapter),
            ("operation", self.operation.label()),
            ("outcome", self.outcome),
        ];
        metrics::histogram!(OUTSIDE_SECONDS, &labels).record(self.begun.elapsed().as_secs_f64());
    }
}
