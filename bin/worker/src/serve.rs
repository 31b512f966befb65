//! The life of a serving process: listener first, then the database, registration and background tasks; and the
//! orderly end of all of it.
//!
//! Not for what is served (see `services` and `background`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use config::Config;
use mysql::Db;
use tokio_util::sync::CancellationToken;

use crate::health::{Health, Phase};
use crate::registration::{Registrar, Standing};
use crate::server::{self, Server};
use crate::services::{self, Deps};
use crate::supervise::{Failure, Tasks};
use crate::{VERSION, background, connect, manifest, observability, signals};

/// How long background tasks and pools may take to end.
const CLEANUP: Duration = Duration::from_secs(5);

/// Why the process ends with exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It did not get as far as serving.
    #[error("{0}")]
    Start(String),
    /// Something failed while it ran, and perhaps more while it stopped.
    #[error("{first}{}", .cleanup.iter().map(|f| format!("; then {f}")).collect::<String>())]
    Failed {
        /// What ended the process.
        first: Failure,
        /// What went wrong afterwards.
        cleanup: Vec<Failure>,
    },
}

/// Serves until SIGTERM or SIGINT. A second signal ends the process at once, with exit code 1.
///
/// # Errors
/// Anything that keeps it from serving, or the first task that failed.
pub async fn serve(config: Config) -> Result<(), ServeError> {
    let began = Instant::now();
    let guard = observability::logs(&config).map_err(|e| ServeError::Start(causes::chain(&e)))?;
    let result = run(config, began).await;
    match &result {
        Ok(()) => tracing::info!("stopped"),
        Err(error) => tracing::error!(%error, "stopped"),
    }
    guard.shutdown().await;
    result
}

async fn run(config: Config, began: Instant) -> Result<(), ServeError> {
    for warning in &config.warnings {
        tracing::warn!(key = warning.path, "configuration: {warning}");
    }
    let stop = signals::stop().map_err(ServeError::Start)?;
    let mut worker = Worker::start(config, began)
        .await
        .map_err(ServeError::Start)?;
    let first = worker.until_stopped(&stop).await;
    worker.stop(first).await
}

/// Everything that has to be ended again.
struct Worker {
    deps: Arc<Deps>,
    health: Arc<Health>,
    standing: Standing,
    registrar: Option<Registrar>,
    tasks: Tasks,
    server: tokio::task::JoinHandle<bool>,
    /// Ends the server.
    no_more_requests: CancellationToken,
    /// Ends background tasks.
    no_more_tasks: CancellationToken,
    began: Instant,
}

impl Worker {
    /// Takes the ports and begins to answer health questions. Reaches nothing outside.
    async fn start(config: Config, began: Instant) -> Result<Self, String> {
        let no_more_tasks = CancellationToken::new();
        let mut tasks = Tasks::new();
        if let Some(listener) = observability::metrics(&config).await? {
            let stop = no_more_tasks.clone();
            tasks.spawn("metrics", async move {
                listener.serve(stop).await;
                Ok(())
            });
        }
        connect::check_addresses(&config)?;
        let db = Db::connect(&connect::options(&config).lazy())
            .await
            .map_err(|e| causes::chain(&e))?;
        let deps = Arc::new(Deps::new(config, db).await?);
        let restate = &deps.config.restate;
        let endpoint = services::endpoint(&deps, &restate.identity_keys)?;

        let socket = server::bind(&restate.listen, restate.http_port)
            .await
            .map_err(|error| {
                let address = if restate.listen.is_empty() {
                    format!("port {}", restate.http_port)
                } else {
                    restate.listen.clone()
                };
                format!("cannot listen on {address}: {error}")
            })?;
        let address = socket.local_addr().map_err(|e| e.to_string())?;
        let standing = Standing::default();
        let registrar = if restate.register_as.is_empty() {
            tracing::info!("restate.register_as is empty: this worker does not register itself");
            None
        } else {
            let manifest = manifest::of(&services::endpoint(&deps, &[])?).await?;
            Some(Registrar::new(
                &deps.config,
                deps.admin.clone(),
                &restate.register_as,
                Some(address.port()),
                manifest,
            ))
        };
        let health = Arc::new(checks(&deps, registrar.is_some().then(|| standing.clone())));
        let no_more_requests = CancellationToken::new();
        let server = Server::new(socket, endpoint, health.clone());
        let server = tokio::spawn(server.run(no_more_requests.clone(), restate.drain_timeout));
        tracing::info!(%address, version = VERSION, ms = ms(began), "listening");
        Ok(Self {
            deps,
            health,
            standing,
            registrar,
            tasks,
            server,
            no_more_requests,
            no_more_tasks,
            began,
        })
    }

    /// Waits for what it needs, then runs everything, until a signal or the first failure.
    async fn until_stopped(&mut self, stop: &CancellationToken) -> Option<Failure> {
        let deps = self.deps.clone();
        let mut reach = tokio::spawn(async move {
            assert!(
                !deps.config.panic_at_start,
                "asked for by test_faults.panic_at_start"
            );
            connect::until_ready(&deps.db).await
        });
        let reached = tokio::select! {
            () = stop.cancelled() => {
                reach.abort();
                return None;
            }
            failure = self.tasks.first_failure() => return Some(failure),
            _ = &mut self.server => return Some(server_ended()),
            reached = &mut reach => reached,
        };
        if let Err(reason) = reached.unwrap_or_else(|_| Err("panicked".to_owned())) {
            return Some(Failure {
                task: "start",
                reason,
            });
        }
        self.health.set(Phase::Running);
        tracing::info!(ms = ms(self.began), "started");

        for (name, task) in background::all(&self.deps, &self.no_more_tasks) {
            self.tasks.spawn(name, task);
        }
        if let Some(registrar) = self.registrar.take() {
            let (standing, stop) = (self.standing.clone(), self.no_more_tasks.clone());
            let deps = self.deps.clone();
            self.tasks.spawn("registration", async move {
                registrar.keep_trying(&deps.db, standing, stop).await;
                Ok(())
            });
        }
        tokio::select! {
            () = stop.cancelled() => None,
            failure = self.tasks.first_failure() => Some(failure),
            _ = &mut self.server => Some(server_ended()),
        }
    }

    /// Not ready → no new requests → running ones end → background tasks → pools.
    async fn stop(mut self, first: Option<Failure>) -> Result<(), ServeError> {
        let mut cleanup = Vec::new();
        self.health.set(Phase::ShuttingDown);
        tracing::info!("stopping");
        self.no_more_requests.cancel();
        if !self.server.is_finished() {
            match (&mut self.server).await {
                Ok(true) => {}
                Ok(false) => tracing::warn!(
                    "invocations that did not end in time are cut off; Restate tries them again"
                ),
                Err(_) => cleanup.push(server_ended()),
            }
        }
        self.deps.build_log.close(CLEANUP).await;
        self.no_more_tasks.cancel();
        cleanup.extend(self.tasks.join(CLEANUP).await);
        match tokio::time::timeout(CLEANUP, self.deps.db.clone().close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => cleanup.push(Failure {
                task: "database",
                reason: causes::chain(&error),
            }),
            Err(_) => cleanup.push(Failure {
                task: "database",
                reason: format!("did not close within {CLEANUP:?}"),
            }),
        }
        outcome(first, cleanup)
    }
}

/// The first failure decides; what went wrong while stopping is told after it.
fn outcome(first: Option<Failure>, mut cleanup: Vec<Failure>) -> Result<(), ServeError> {
    match first {
        Some(first) => Err(ServeError::Failed { first, cleanup }),
        None if cleanup.is_empty() => Ok(()),
        None => Err(ServeError::Failed {
            first: cleanup.remove(0),
            cleanup,
        }),
    }
}

fn server_ended() -> Failure {
    Failure {
        task: "server",
        reason: "ended unexpectedly".to_owned(),
    }
}

/// What readiness depends on.
fn checks(deps: &Arc<Deps>, standing: Option<Standing>) -> Health {
    let (db, ingress) = (deps.db.clone(), deps.clone());
    let health = Health::new()
        .check("database", move || {
            let db = db.clone();
            async move { db.ping().await.map_err(|e| causes::chain(&e)) }
        })
        .check("restate_ingress", move || {
            let deps = ingress.clone();
            async move { deps.ingress.health().await.map_err(|e| causes::chain(&e)) }
        });
    match standing {
        None => health,
        Some(standing) => health.check("restate_registration", move || {
            let result = standing.get();
            async move { result }
        }),
    }
}

fn ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wrk_19_the_first_failure_decides_and_later_ones_are_joined() {
        testbed::scenario!("WRK-19");
        let mut tasks = Tasks::new();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tasks.spawn("first", async { Err("broke".to_owned()) });
        tasks.spawn("second", async move {
            stopped.cancelled().await;
            Err("broke too".to_owned())
        });
        let first = tasks.first_failure().await;
        stop.cancel();
        let cleanup = tasks.join(Duration::from_secs(5)).await;
        let text = outcome(Some(first), cleanup).map_err(|e| e.to_string());
        assert_eq!(text, Err("first: broke; then second: broke too".to_owned()));
        assert!(outcome(None, Vec::new()).is_ok());
    }
}
