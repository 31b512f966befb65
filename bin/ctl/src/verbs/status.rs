//! `ctl status`: everything about one deployment.

use serde::Serialize;

use crate::access::{Access, Invocation};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::{difference, public_reason};
use crate::read::{self, Snapshot};

#[derive(Serialize)]
struct Status {
    #[serde(flatten)]
    deployment: Snapshot,
    invocation: Option<Invocation>,
}

pub(crate) async fn run(access: &Access, output: Output, id: &str) -> Result<(), Failure> {
    let deployment = read::snapshot(&access.db, id).await?;
    let invocation = match &deployment.invocation_id {
        Some(invocation) => access.invocation(invocation).await,
        None => None,
    };
    output.say(&Status {
        deployment,
        invocation,
    });
    Ok(())
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let it = &self.deployment;
        write!(
            f,
            "{}  {} in {}",
            it.deployment_id,
            it.image.as_deref().unwrap_or("no image yet"),
            it.environment
        )?;
        write!(
            f,
            "\n  {}{}",
            it.status,
            if it.live { ", live" } else { "" }
        )?;
        write!(f, ", shall be {}", it.desired_state)?;
        if it.rolled_back {
            write!(f, "; the app is held by a rollback")?;
        }
        match (&it.branch, &it.commit) {
            (Some(branch), Some(commit)) => write!(f, "\n  {branch} at {commit}")?,
            (Some(what), None) | (None, Some(what)) => write!(f, "\n  {what}")?,
            (None, None) => {}
        }
        if let Some(reason) = public_reason(it) {
            write!(f, "\n  {reason}")?;
        }
        for event in difference(None, it) {
            write!(f, "\n{event}")?;
        }
        for route in &it.routes {
            write!(f, "\n  https://{}  ({})", route.host, route.sticky)?;
        }
        match &self.invocation {
            Some(Invocation {
                id,
                status,
                last_failure,
                ..
            }) => {
                write!(f, "\n  invocation {id}: {status}")?;
                last_failure
                    .as_ref()
                    .map_or(Ok(()), |failure| write!(f, ", last failure: {failure}"))
            }
            None => Ok(()),
        }
    }
}
