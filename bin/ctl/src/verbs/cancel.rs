//! `ctl cancel`: ends a deployment that is not done. Crate `cancellation` does it, as the worker itself would.

use durable::Stop;
use serde::Serialize;

use crate::access::Access;
use crate::cli::Cancel;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::public_reason;
use crate::read;

/// Who it was when nothing says so.
const SOMEBODY: &str = "an operator";

#[derive(Serialize)]
struct Cancelled {
    deployment_id: String,
    status: String,
    /// As everybody sees it; of a deployment that was cancelled before, who did it then.
    reason: Option<String>,
}

pub(crate) async fn run(access: &Access, output: Output, cancel: Cancel) -> Result<(), Failure> {
    // also says what is wrong with an id that nothing has
    let row = read::deployment(&access.db, &cancel.deployment).await?;
    let actor = cancel.actor.as_deref().map(str::trim);
    let actor = actor.filter(|actor| !actor.is_empty()).unwrap_or(SOMEBODY);
    let ended = cancellation::cancel(&access.db, &access.admin()?, &row.id, actor)
        .await
        .map_err(away)?;
    let now = read::snapshot(&access.db, &row.id).await?;
    if !ended {
        return Err(Failure::Worker(refusal(&row.id, &now.status)));
    }
    output.say(&Cancelled {
        deployment_id: row.id,
        reason: public_reason(&now),
        status: now.status,
    });
    Ok(())
}

fn refusal(id: &str, status: &str) -> String {
    match status {
        "finalizing" => format!(
            "{id} is about to take its traffic, which cannot be stopped halfway; roll back when it is ready"
        ),
        status => format!("{id} is {status}: there is nothing left to cancel"),
    }
}

fn away(stop: Stop) -> Failure {
    let why = match stop {
        Stop::Retry(error) => error.to_string(),
        Stop::Terminal(fault) => fault.text,
        Stop::Ended(error) => error.to_string(),
    };
    Failure::Unreachable(format!(
        "{why}\nnothing may have changed, or all of it: look with `ctl status`, and cancel again"
    ))
}

impl std::fmt::Display for Cancelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}", self.deployment_id, self.status)?;
        self.reason
            .as_ref()
            .map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}
