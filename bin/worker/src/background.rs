//! What runs beside the handlers in every worker process, from start to stop.
//!
//! A new task is one more entry of [`all`]. Not for work a handler waits for.

use custom_domain::sweep::{self, SweepDeps};
use deploy::watch::{self, WatchDeps};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::services::Deps;

/// A name for logs, and the task. It ends soon after the token it was given is cancelled.
pub type Task = (&'static str, BoxFuture<'static, Result<(), String>>);

/// Every background task.
pub fn all(deps: &Deps, stop: &CancellationToken) -> Vec<Task> {
    let watch = WatchDeps {
        deploy: deps.deploy.clone(),
        ingress: deps.ingress.clone(),
        admin: deps.admin.clone(),
        holder: deps.config.instance_id.clone(),
    };
    let sweep = SweepDeps {
        domains: deps.domains.clone(),
        ingress: deps.ingress.clone(),
        admin: deps.admin.clone(),
        holder: deps.config.instance_id.clone(),
    };
    vec![
        (
            "deploy watcher",
            watch::run(watch, stop.clone()).map(Ok).boxed(),
        ),
        (
            "domain sweep",
            sweep::run(sweep, stop.clone()).map(Ok).boxed(),
        ),
    ]
}
