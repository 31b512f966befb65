//! Sends many calls, a fixed number at a time, and takes the time of each. Not for what is called.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Result;
use crate::stats::Times;

/// What a load did.
pub(crate) struct Done {
    pub(crate) times: Times,
    pub(crate) took: Duration,
}

impl Done {
    /// Calls per second.
    pub(crate) fn rate(&self) -> f64 {
        self.times.count() as f64 / self.took.as_secs_f64().max(1e-6)
    }
}

/// Makes `count` calls, `parallel` at a time; `call` gets the number of the call. The first error ends it.
pub(crate) async fn run<F>(count: usize, parallel: usize, call: impl Fn(usize) -> F) -> Result<Done>
where
    F: Future<Output = Result<()>>,
{
    let began = Instant::now();
    let times: Vec<Duration> = stream::iter(0..count)
        .map(|number| {
            let call = call(number);
            async move {
                let began = Instant::now();
                call.await?;
                Ok::<_, crate::Error>(began.elapsed())
            }
        })
        .buffer_unordered(parallel)
        .try_collect()
        .await?;
    Ok(Done {
        times: Times::of(times),
        took: began.elapsed(),
    })
}
