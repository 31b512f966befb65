//! How long a worker takes from its start until it is ready. Not for how long a deployment takes.

use std::time::Duration;

use crate::Result;
use crate::report::{Report, Row};
use crate::scale::Scale;
use crate::stack::Stack;
use crate::stats::{Times, ms};
use crate::worker::Worker;

const AIM: Duration = Duration::from_millis(300);

/// Starts it again and again; gives the last one.
pub(crate) async fn measure(stack: &Stack, scale: &Scale, report: &mut Report) -> Result<Worker> {
    let mut times = Vec::new();
    let mut last: Option<Worker> = None;
    for _ in 0..scale.starts {
        if let Some(worker) = last.take() {
            worker.stop().await?;
        }
        let (worker, took) = stack.timed_worker().await?;
        times.push(took);
        last = Some(worker);
    }
    let longest = times.iter().max().copied().unwrap_or_default();
    let times = Times::of(times);
    let figure = format!(
        "p50 {}, longest {} of {}",
        ms(times.percentile(50.0)),
        ms(longest),
        times.count()
    );
    let what = "start of the process until `/health/ready` says yes, registration included";
    report.add(
        Row::new("start-to-ready", what, figure).aim("every start within 300 ms", longest <= AIM),
    );
    last.ok_or_else(|| "the worker was never started".into())
}
