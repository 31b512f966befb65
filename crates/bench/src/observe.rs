//! Sees from outside when a deployment's rows were committed: one connection asks again and again for every
//! deployment in flight. A moment is the one in which the first statement that saw the change was sent, so it is late
//! by at most one round; the rounds' length is part of the report. Not for what the handlers note themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mysql::Db;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::stats::Times;
use crate::{Result, sql};

/// Pause between two questions.
const PAUSE: Duration = Duration::from_micros(500);

/// When things were committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    /// The row of `deployments`.
    pub(crate) inserted: Instant,
    /// Its rows of `deployment_topology`.
    pub(crate) topology: Instant,
    /// The instance with which enough regions were healthy.
    pub(crate) instances: Instant,
    /// Status `ready`.
    pub(crate) ready: Instant,
}

struct Flight {
    inserted: Instant,
    topology: Option<Instant>,
    instances: Option<Instant>,
    done: oneshot::Sender<std::result::Result<Moments, String>>,
}

type Flights = Arc<Mutex<BTreeMap<String, Flight>>>;

/// Watches deployments until dropped.
pub(crate) struct Observer {
    flights: Flights,
    rounds: Arc<Mutex<Vec<Duration>>>,
    task: JoinHandle<()>,
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Observer {
    /// `db` is used by nobody else.
    pub(crate) fn start(db: Db) -> Self {
        let flights = Flights::default();
        let rounds = Arc::default();
        let task = tokio::spawn(watch(db, flights.clone(), Arc::clone(&rounds)));
        Self {
            flights,
            rounds,
            task,
        }
    }

    /// Watches a deployment whose row has just been committed, until it is ready.
    pub(crate) fn ready(&self, id: &str) -> impl Future<Output = Result<Moments>> + use<> {
        let (done, ended) = oneshot::channel();
        let flight = Flight {
            inserted: Instant::now(),
            topology: None,
            instances: None,
            done,
        };
        lock(&self.flights).insert(id.to_owned(), flight);
        async move { Ok(ended.await.map_err(|_| "the observer ended")??) }
    }

    /// How long a round took.
    pub(crate) fn rounds(&self) -> Times {
        Times::of(lock(&self.rounds).drain(..))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn watch(db: Db, flights: Flights, rounds: Arc<Mutex<Vec<Duration>>>) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(PAUSE).await;
        let ids: Vec<String> = lock(&flights).keys().cloned().collect();
        if ids.is_empty() {
            last = Instant::now();
            continue;
        }
        let sent = Instant::now();
        let seen = match look(&db, &ids).await {
            Ok(seen) => seen,
            Err(error) => {
                eprintln!("the observer could not look: {error}");
                continue;
            }
        };
        lock(&rounds).push(sent - last);
        last = sent;
        let mut flights = lock(&flights);
        for (id, status, topology, instances) in seen {
            let Some(flight) = flights.get_mut(&id) else {
                continue;
            };
            if topology {
                flight.topology.get_or_insert(sent);
            }
            if instances {
                flight.instances.get_or_insert(sent);
            }
            let end = match (status.as_str(), flight.topology, flight.instances) {
                ("ready", Some(topology), Some(instances)) => Ok(Moments {
                    inserted: flight.inserted,
                    topology,
                    instances,
                    ready: sent,
                }),
                ("failed" | "stopped", ..) => Err(format!("deployment {id} is {status}")),
                _ => continue,
            };
            if let Some(flight) = flights.remove(&id) {
                // Nobody waits any more when the load was given up.
                let _told = flight.done.send(end);
            }
        }
    }
}

/// Id, status, whether there is a topology, whether enough of its regions are healthy.
async fn look(db: &Db, ids: &[String]) -> Result<Vec<(String, String, bool, bool)>> {
    let statement = format!(
        "SELECT d.id, CAST(d.status AS CHAR) AS status, COUNT(t.pk) AS regions, \
         CAST(COALESCE(SUM((SELECT COUNT(*) FROM instances i FORCE INDEX (idx_deployment_id) WHERE i.deployment_id = t.deployment_id \
            AND i.region_id = t.region_id AND i.status = 'running') >= t.autoscaling_replicas_min), 0) AS SIGNED) AS healthy \
         FROM deployments d LEFT JOIN deployment_topology t ON t.deployment_id = d.id AND t.desired_status = 'running' \
         WHERE d.id IN ({}) GROUP BY d.id, d.status",
        sql::marks(ids.len())
    );
    let rows = sql::rows(
        db,
        &statement,
        ids.iter().map(|id| id.as_str().into()).collect(),
    )
    .await?;
    rows.iter()
        .map(|row| {
            let (regions, healthy): (i64, i64) =
                (row.try_get("", "regions")?, row.try_get("", "healthy")?);
            // All regions but one, at least one.
            let required = (regions - 1).max(1);
            Ok((
                row.try_get("", "id")?,
                row.try_get("", "status")?,
                regions > 0,
                healthy >= required,
            ))
        })
        .collect()
}
