//! Ends a deployment that is under way: its invocation in Restate first, then its row, its steps and its run in one
//! transaction. Superseded becomes `skipped`, cancelled becomes `failed`; the reason is in the open step, for people, and
//! in the run, as one word, for the worker.
//!
//! Not here: who asks for it, and what a deployment that is up has left behind (its desired state is its own service's).

mod order;
mod rows;
mod settle;

use durable::Stop;
use mysql::Db;
use restate_api::{Admin, Class};

/// Who wants the deployment to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// A newer deployment of the same app, environment and branch takes its place.
    Superseded {
        /// Id of that deployment.
        by_id: &'a str,
    },
    /// Somebody asked for it.
    User {
        /// Who, as people are to read it: `cancelled by <actor>`.
        actor: &'a str,
    },
}

/// Starts over at most so often, each time because the deployment was taken by an invocation meanwhile; that happens once.
const ROUNDS: usize = 5;

/// Ends a deployment in favour of a newer one. True when it is ended so, also when it was before; false when it is left
/// alone: it is past `building` or at an end already, or `by_id` is not a newer, approved one of the same app, environment,
/// branch and fork. May be repeated.
///
/// # Errors
/// [`Stop::Retry`] while the database or Restate cannot be asked.
pub async fn supersede(
    db: &Db,
    admin: &Admin,
    deployment_id: &str,
    by_id: &str,
) -> Result<bool, Stop> {
    end(db, admin, deployment_id, By::Superseded { by_id }).await
}

/// Ends a deployment because somebody wants it. True when it is ended so, also when it was before; false when it is left
/// alone: it is about to take its traffic (`finalizing`), or at an end already. May be repeated.
///
/// # Errors
/// [`Stop::Retry`] while the database or Restate cannot be asked.
pub async fn cancel(
    db: &Db,
    admin: &Admin,
    deployment_id: &str,
    actor: &str,
) -> Result<bool, Stop> {
    end(db, admin, deployment_id, By::User { actor }).await
}

/// [`supersede`] or [`cancel`], whoever it is.
///
/// # Errors
/// As theirs.
pub async fn end(db: &Db, admin: &Admin, deployment_id: &str, by: By<'_>) -> Result<bool, Stop> {
    let mut stopped = String::new();
    for _ in 0..ROUNDS {
        let Some(row) = rows::find(db, deployment_id).await? else {
            return Ok(false);
        };
        if let By::Superseded { by_id } = by {
            match rows::find(db, by_id).await? {
                Some(newer) if order::supersedes(&newer, &row) => {}
                _ => return Ok(false),
            }
        }
        if order::may_end(&row.status, by)
            && let Some(invocation) = row.invocation()
        {
            // Before the status changes: work that goes on for a row at its end would be nobody's.
            stop_invocation(admin, invocation).await?;
            invocation.clone_into(&mut stopped);
        }
        if let Some(ended) = settle::settle(db, &row.id, by, &stopped).await? {
            return Ok(ended);
        }
    }
    Err(Stop::retry(format!(
        "deployment {deployment_id} is taken anew each time it is to be ended"
    )))
}

/// Asks Restate to end an invocation. One that it does not know any more, or that has ended, is as good.
async fn stop_invocation(admin: &Admin, invocation: &str) -> Result<(), Stop> {
    match admin.cancel(invocation).await {
        Ok(()) => Ok(()),
        Err(error)
            if matches!(
                error.class(),
                Class::NotFound | Class::Conflict | Class::BadRequest
            ) =>
        {
            tracing::debug!(invocation, %error, "nothing to cancel");
            Ok(())
        }
        Err(error) => Err(Stop::retry(error)),
    }
}
