//! Walks a range chunk by chunk, one durable step each.

use crate::chunk::{self, Chunk, Task};
use crate::plan::Range;
use crate::steps;
use durable::{Preset, Stop};
use restate_sdk::context::ObjectContext;

/// Refills until the range is done or `most` transactions were made; `each` is told of every one.
pub(crate) async fn walk(
    ctx: &ObjectContext<'_>,
    task: &Task<'_>,
    mut range: Range,
    most: usize,
    mut each: impl FnMut(Chunk),
) -> Result<(), Stop> {
    for _ in 0..most {
        if range.is_done() {
            break;
        }
        let chunk = durable::run!(
            ctx,
            steps::REFILL,
            Preset::Database,
            mysql::retry_as(|| chunk::refill(task, range))
        )?;
        range.after = chunk.reached;
        each(chunk);
    }
    Ok(())
}
