//! What runs beside the handlers in every worker process, from start to stop.
//!
//! A new task is one more entry of [`all`]. Not for work a handler waits for.

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::services::Deps;

/// A name for logs, and the task. It ends soon after the token it was given is cancelled.
pub type Task = (&'static str, BoxFuture<'static, Result<(), String>>);

/// Every background task.
pub fn all(_deps: &Deps, _stop: &CancellationToken) -> Vec<Task> {
    vec![]
}
