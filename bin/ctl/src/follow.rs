//! Follows one deployment until it is over, telling what changes.

use std::time::{Duration, Instant};

use crate::access::{Access, Invocation};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::{Event, difference, end, ended, public_reason};
use crate::read;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(150);
/// Without a change for this long, Restate is asked whether the worker keeps failing.
const QUIET: Duration = Duration::from_secs(3);

/// Follows a deployment. Success is `ready`; everything else is a failure with its reason.
pub(crate) async fn follow(
    access: &Access,
    output: Output,
    id: &str,
    timeout: Duration,
) -> Result<(), Failure> {
    let started = Instant::now();
    let (mut before, mut changed, mut told) = (None, Instant::now(), None::<Invocation>);
    loop {
        let now = read::snapshot(&access.db, id).await?;
        for event in difference(before.as_ref(), &now) {
            changed = Instant::now();
            output.say(&event);
        }
        if ended(&now.status) {
            return over(access, output, &now).await;
        }
        if started.elapsed() >= timeout {
            return Err(Failure::StillRunning(format!(
                "{id} is still {} after {} s; it goes on, follow it with `ctl watch {id}`",
                now.status,
                timeout.as_secs()
            )));
        }
        if changed.elapsed() >= QUIET {
            changed = Instant::now();
            if let Some(invocation) = failing(access, now.invocation_id.as_deref()).await
                && told.as_ref() != Some(&invocation)
            {
                output.say(&Event::Retrying {
                    invocation_id: invocation.id.clone(),
                    retries: invocation.retries,
                    failure: invocation.last_failure.clone(),
                });
                told = Some(invocation);
            }
        }
        before = Some(now);
        tokio::time::sleep(LOOK).await;
    }
}

/// The end of a deployment, told: success is `ready`.
pub(crate) async fn over(
    access: &Access,
    output: Output,
    now: &read::Snapshot,
) -> Result<(), Failure> {
    if now.status == "ready" {
        output.say(&end(now, None));
        return Ok(());
    }
    let words = match &now.invocation_id {
        Some(invocation) if now.status == "failed" => access.last_words(invocation).await,
        _ => None,
    };
    let reason =
        words
            .or_else(|| public_reason(now))
            .unwrap_or_else(|| match now.status.as_str() {
                "awaiting_approval" => "it waits for approval".to_owned(),
                status => format!("it is {status}, without a reason given"),
            });
    output.say(&end(now, Some(reason.clone())));
    Err(Failure::Worker(reason))
}

async fn failing(access: &Access, invocation_id: Option<&str>) -> Option<Invocation> {
    let invocation = access.invocation(invocation_id?).await?;
    (invocation.status == "backing-off" || invocation.status == "paused").then_some(invocation)
}
