//! What runs beside the handlers in every worker process, from start to stop.
//!
//! A new task is one more entry of [`all`]. Not for work a handler waits for.

use custom_domain::sweep::{self, SweepDeps};
use deploy::watch::{self, WatchDeps};
use futures::FutureExt;
use futures::future::BoxFuture;
use scheduler::keeper::{self, KeeperDeps};
use tokio_util::sync::CancellationToken;

use crate::services::Deps;
use crate::{certificates, jobs, standing};

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
    let keeper = KeeperDeps {
        db: deps.db.clone(),
        ingress: deps.ingress.clone(),
        timings: deps.scheduler.timings.clone(),
        jobs: jobs::configured(deps),
    };
    let sweep = SweepDeps {
        domains: deps.domains.clone(),
        ingress: deps.ingress.clone(),
        admin: deps.admin.clone(),
        holder: deps.config.instance_id.clone(),
    };
    let names = certificates::platform_names(
        deps.certificates.clone(),
        certificates::names(deps),
        deps.ingress.clone(),
        stop.clone(),
    );
    let builds = build::sweep::run(
        deps.build.clone(),
        deps.config.instance_id.clone(),
        stop.clone(),
    );
    let standing = standing::Standing {
        db: deps.db.clone(),
        admin: deps.admin.clone(),
        holder: deps.config.instance_id.clone(),
        certificates: deps.config.acme.enabled,
        interval: deps.config.test_timings.get("standing.interval").copied(),
    };
    vec![
        ("standing", standing.run(stop.clone()).map(Ok).boxed()),
        ("build sweep", builds.map(Ok).boxed()),
        ("platform names", names.map(Ok).boxed()),
        (
            "deploy watcher",
            watch::run(watch, stop.clone()).map(Ok).boxed(),
        ),
        (
            "domain sweep",
            sweep::run(sweep, stop.clone()).map(Ok).boxed(),
        ),
        (
            "job keeper",
            keeper::run(keeper, stop.clone()).map(Ok).boxed(),
        ),
    ]
}
